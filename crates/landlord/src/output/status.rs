//! A status as text, and in its machine form, `landlord.dev/status/v1`. Stable: fields are added,
//! never changed.
//!
//! ```text
//! {"apiVersion": "landlord.dev/status/v1", "leader": name or null, "strategy": mode or null, "unclaimed",
//!  "audit": null where it may not be read, or {"enabled", "outside": null or a number, "since": since when none is, "lastViolation", "countedSince", "placementsInside"},
//!  "guard": null where nothing refuses Pods, or it may not be read, or {"form", "uncovered": text, empty for the first form},
//!  "tenants": [{"name", "namespaces", "compliant", "drift", "errors", "contested": null or text,
//!               "failing": null or text: the reason of writes that fail, and the first namespace,
//!               "behind": null or {"seconds", "since", "namespace": the one that waits longest},
//!               "unready": null or {"count", "namespace": the first in which no Pod is let in, "message": why}}],
//!  "unready": the same of namespaces of which it cannot be told whose they are}
//! ```

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use terminal::{Column, Ink, Screen};

use super::grid::Grid;
use controller::audit::record::{MAX_AGE_SECONDS, Record};
use guard::form::Form;

const API_VERSION: &str = "landlord.dev/status/v1";
const HEAD: [Column; 6] = [
    Column::fixed("tenant"),
    Column::fixed("namespaces"),
    Column::fixed("compliant"),
    Column::fixed("to change"),
    Column::fixed("errors"),
    Column::prose("behind"),
];

/// See the module.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) now: Timestamp,
    pub(crate) tenants: BTreeMap<String, Row>,
    pub(crate) unclaimed: usize,
    /// What is known of namespaces of which it cannot be told whose they are: those that are not
    /// ready.
    pub(crate) nobodys: Row,
    pub(crate) leader: Option<String>,
    /// The strategy in force, and whether a user pinned it; `None` where there is none, or it may
    /// not be read.
    pub(crate) strategy: Option<String>,
    /// The form of the guard that is bound; `None` where nothing refuses Pods, or it may not be read.
    pub(crate) guard: Option<Form>,
    /// What the controller counts of Pods outside their pool.
    pub(crate) audit: Audited,
}

/// What is known of Pods outside their pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Audited {
    /// The record may not be read.
    #[default]
    Unknown,
    /// No controller has counted them.
    Never,
    Recorded(Box<Record>),
}

impl Audited {
    /// A line of the report.
    fn describe(&self, now: Timestamp) -> String {
        let record = match self {
            Self::Unknown => {
                return "not known, as the controller's record may not be read".to_owned();
            }
            Self::Never => {
                return "not counted: `landlord controller --audit`, or audit.enabled=true in the chart, does".to_owned();
            }
            Self::Recorded(record) => record,
        };
        let ago = |since: Timestamp| age(seconds_between(since, now));
        if is_old(record, now) {
            let written = ago(record.written);
            return format!("not counted for {written}: no controller runs with --audit");
        }
        match (record.total.outside_now, record.total.clear_since) {
            (0, Some(since)) => format!("0 for {}", ago(since)),
            (0, None) => "0".to_owned(),
            (outside, _) => format!("{outside}; `landlord audit` names them"),
        }
    }

    fn document(&self, now: Timestamp) -> Value {
        let record = match self {
            Self::Unknown => return Value::Null,
            Self::Never => return json!({"enabled": false}),
            Self::Recorded(record) => record,
        };
        let is_counted = !is_old(record, now);
        let total = &record.total;
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
        json!({"enabled": is_counted, "outside": is_counted.then_some(total.outside_now), "since": text(total.clear_since.filter(|_| is_counted)),
               "lastViolation": text(total.last_violation), "countedSince": record.since.to_string(), "placementsInside": total.inside})
    }
}

/// Whether the leader that wrote it counts no more.
fn is_old(record: &Record, now: Timestamp) -> bool {
    seconds_between(record.written, now) > MAX_AGE_SECONDS
}

fn seconds_between(since: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(since).as_secs().max(0)
}

/// Namespaces of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) compliant: usize,
    pub(crate) drift: usize,
    pub(crate) errors: usize,
    /// What the controller says of contested keys.
    pub(crate) contested: Option<String>,
    /// What it says of writes that fail.
    pub(crate) failing: Option<String>,
    /// The one that waits longest.
    waiting: Option<Waiting>,
    /// Namespaces that are not ready, and cannot be made so: the first, and why.
    unready: Option<Unready>,
}

/// Namespaces in which no Pod is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unready {
    count: usize,
    namespace: String,
    message: String,
}

/// A namespace that is not as its tenant wants it, since when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Waiting {
    pub(crate) since: Timestamp,
    pub(crate) namespace: String,
}

impl Row {
    pub(crate) fn wait(&mut self, waiting: Option<Waiting>) {
        self.waiting = [self.waiting.take(), waiting].into_iter().flatten().min();
    }

    /// One more namespace that is not ready, and why.
    pub(crate) fn close(&mut self, namespace: &str, message: &str) {
        let (namespace, message) = (namespace.to_owned(), message.to_owned());
        let first = Unready { count: 0, namespace, message };
        self.unready.get_or_insert(first).count += 1;
    }

    fn namespaces(&self) -> usize {
        self.compliant + self.drift + self.errors
    }
}

impl Report {
    /// Of these tenants, without namespaces yet.
    pub(crate) fn new(now: Timestamp, tenants: Vec<String>) -> Self {
        let tenants = tenants.into_iter().map(|name| (name, Row::default())).collect();
        Self {
            now,
            tenants,
            unclaimed: 0,
            nobodys: Row::default(),
            leader: None,
            strategy: None,
            guard: None,
            audit: Audited::default(),
        }
    }

    /// How many namespaces are not compliant.
    pub(crate) fn not_compliant(&self) -> usize {
        self.tenants.values().map(|row| row.drift + row.errors).sum()
    }

    /// A tenant a line, and below it what needs words.
    pub(crate) fn render(&self, screen: Screen) -> String {
        let row = |(name, row): (&String, &Row)| {
            let counts = [row.namespaces(), row.compliant, row.drift, row.errors]
                .map(|count| count.to_string());
            let behind = row.waiting.as_ref().map_or("-".to_owned(), |one| {
                format!("{} ({})", age(self.seconds(one)), one.namespace)
            });
            [name.clone()].into_iter().chain(counts).chain([behind]).collect()
        };
        let grid = Grid {
            title: "Tenants",
            head: HEAD.to_vec(),
            rows: self.tenants.iter().map(row).collect(),
        };
        let contested = |(name, row): (&String, &Row)| {
            row.contested.as_ref().map(|message| {
                format!("\n{name}: {}: {message}\n", screen.paint(Ink::Warning, "contested"))
            })
        };
        let contested: String = self.tenants.iter().filter_map(contested).collect();
        let failing = |(name, row): (&String, &Row)| {
            let word = screen.paint(Ink::Bad, "writes fail");
            row.failing.as_ref().map(|message| format!("\n{name}: {word}: {message}\n"))
        };
        let failing: String = self.tenants.iter().filter_map(failing).collect();
        let unready = |(name, row): (&str, &Row)| {
            row.unready.as_ref().map(|Unready { count, namespace, message }| {
                let word = screen.paint(Ink::Bad, "not ready");
                let others =
                    if *count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
                format!("\n{name}: {word}: namespace {namespace}{others}: {message}\n")
            })
        };
        let tenants = self.tenants.iter().map(|(name, row)| (name.as_str(), row));
        let unready: String =
            tenants.chain([("of no tenant", &self.nobodys)]).filter_map(unready).collect();
        let leader = self.leader.as_deref().unwrap_or("none, or its lease may not be read");
        let strategy =
            self.strategy.as_ref().map_or(String::new(), |mode| format!("; strategy: {mode}"));
        let guard = self.guard.filter(|form| !form.uncovered().is_empty());
        let guard = guard.map_or(String::new(), |form| {
            format!("guard: form {}: {}\n", form.word(), form.uncovered())
        });
        format!(
            "{}{contested}{failing}{unready}\nunclaimed namespaces: {}\nPods outside their pool: {}\ncontroller: {leader}{strategy}\n{guard}",
            grid.render(screen),
            self.unclaimed,
            self.audit.describe(self.now)
        )
    }

    /// For programs.
    pub(crate) fn document(&self) -> Value {
        let behind = |one: &Waiting| json!({"seconds": self.seconds(one), "since": one.since.to_string(), "namespace": one.namespace});
        let not_ready = |one: &Unready| json!({"count": one.count, "namespace": one.namespace, "message": one.message});
        let row = |(name, row): (&String, &Row)| {
            json!({"name": name, "namespaces": row.namespaces(), "compliant": row.compliant, "drift": row.drift,
                   "errors": row.errors, "contested": row.contested, "failing": row.failing, "behind": row.waiting.as_ref().map(behind),
                   "unready": row.unready.as_ref().map(not_ready)})
        };
        let tenants: Vec<Value> = self.tenants.iter().map(row).collect();
        let guard =
            self.guard.map(|form| json!({"form": form.word(), "uncovered": form.uncovered()}));
        json!({"apiVersion": API_VERSION, "leader": self.leader, "strategy": self.strategy, "guard": guard,
               "audit": self.audit.document(self.now),
               "unclaimed": self.unclaimed, "unready": self.nobodys.unready.as_ref().map(not_ready), "tenants": tenants})
    }

    fn seconds(&self, Waiting { since, .. }: &Waiting) -> i64 {
        seconds_between(*since, self.now)
    }
}

/// As kubectl tells ages: `45s`, `12m`, `5h`, `3d`.
fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::at_both_widths;

    #[test]
    fn a_tenant_a_line() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().expect("a time");
        let waiting = |since: &str, name: &str| {
            Some(Waiting { since: since.parse().expect("a time"), namespace: name.to_owned() })
        };
        let mut report = Report::new(now, vec!["lunar".to_owned(), "solar".to_owned()]);
        let row = Row {
            compliant: 118,
            drift: 2,
            contested: Some("label \"a\" by \"argocd\"".to_owned()),
            ..Row::default()
        };
        let solar = report.tenants.entry("solar".to_owned()).or_default();
        *solar = row;
        solar.wait(waiting("2026-01-01T23:59:00Z", "solar-web"));
        solar.wait(waiting("2026-01-01T12:00:00Z", "solar-batch-jobs-of-the-night-shift"));
        solar.wait(None);
        (report.unclaimed, report.leader) = (3, Some("landlord-0".to_owned()));
        report.audit = Audited::Never;
        insta::assert_snapshot!(at_both_widths(|screen| report.render(screen)));
        assert_eq!(report.document()["tenants"][1]["behind"]["seconds"], 43_200);
    }

    #[test]
    fn pods_outside_are_a_number_only_while_they_are_counted() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let mut record = Record::begin(time("2026-01-01T00:00:00Z"));
        record.total.clear_since = Some(time("2026-01-01T00:00:00Z"));
        record.written = time("2026-02-04T00:00:00Z");
        let said = |record: &Record, now: &str| {
            let audited = Audited::Recorded(Box::new(record.clone()));
            (audited.describe(time(now)), audited.document(time(now))["outside"].clone())
        };
        assert_eq!(said(&record, "2026-02-04T00:10:00Z"), ("0 for 34d".to_owned(), json!(0)));
        let old = "not counted for 3h: no controller runs with --audit".to_owned();
        assert_eq!(said(&record, "2026-02-04T03:00:00Z"), (old, Value::Null));
        record.total.outside_now = 3;
        let outside = "3; `landlord audit` names them".to_owned();
        assert_eq!(said(&record, "2026-02-04T00:10:00Z"), (outside, json!(3)));
    }
}
