//! Event: one thing that happens to a cluster, in words that can be read back.

use std::fmt;
use std::str::FromStr;

/// A namespace of the few that schedules are about: `web-0`, `web-1` …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Namespace(pub u8);

/// How many of them.
pub const NAMESPACES: u8 = 6;
/// The tenants. Each has a pool of nodes of its own name.
pub const TENANTS: [&str; 3] = ["lunar", "nova", "solar"];

/// Something that can die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A controller.
    One,
    /// Another one, which waits for the lease.
    Two,
    /// One that writes without asking for the lease: a second leader.
    Usurper,
    ApiServer,
    Etcd,
    /// The policy server behind the webhook.
    Policy,
}

const PARTS: [(&str, Part); 6] = [
    ("one", Part::One),
    ("two", Part::Two),
    ("usurper", Part::Usurper),
    ("api-server", Part::ApiServer),
    ("etcd", Part::Etcd),
    ("policy", Part::Policy),
];

/// What a user spoils of what landlord wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// The node selector names a foreign pool.
    Selector,
    /// A managed label has another value.
    Label,
    /// The ledger is no ledger.
    Ledger,
    /// Everything of landlord's is gone but the tenant's label.
    Wipe,
}

const TAMPERINGS: [(&str, Tampering); 4] = [
    ("selector", Tampering::Selector),
    ("label", Tampering::Label),
    ("ledger", Tampering::Ledger),
    ("wipe", Tampering::Wipe),
];

/// Of which objects admission treats patches in some way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The namespace itself.
    Namespace,
    /// Pods in it.
    Pods,
}

const SUBJECTS: [(&str, Subject); 2] = [("namespace", Subject::Namespace), ("pods", Subject::Pods)];

/// What a webhook or an admission policy does to patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Denies them with this status.
    Deny(u16),
    /// Denies them with this status, and asks to come again after a minute.
    DenyForNow(u16),
    /// Accepts them and sets everything back.
    Revert,
    /// Accepts them and takes the node selector out.
    Strip,
    /// Takes longer than anybody waits.
    Hang,
}

const REACTIONS: [(&str, Reaction); 13] = [
    ("400", Reaction::Deny(400)),
    ("403", Reaction::Deny(403)),
    ("404", Reaction::Deny(404)),
    ("409", Reaction::Deny(409)),
    ("422", Reaction::Deny(422)),
    ("429", Reaction::Deny(429)),
    ("500", Reaction::Deny(500)),
    ("503", Reaction::Deny(503)),
    ("429-for-now", Reaction::DenyForNow(429)),
    ("503-for-now", Reaction::DenyForNow(503)),
    ("revert", Reaction::Revert),
    ("strip", Reaction::Strip),
    ("hang", Reaction::Hang),
];

impl Reaction {
    /// All of them.
    pub fn all() -> [Self; REACTIONS.len()] {
        REACTIONS.map(|(_, reaction)| reaction)
    }
}

/// Kinds that are listed.
pub const PLURALS: [&str; 3] = ["namespaces", "tenants", "pods"];

/// A law that is broken on purpose, in the controller's name, to show that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A key that is not landlord's.
    Key,
    /// A Pod goes to a foreign pool.
    Placement,
    /// The namespace is deleted.
    Loss,
    /// It is patched again and again.
    Hammer,
    /// At rest, nobody writes anything while others fail.
    Stall,
    /// Nobody says that it is not compliant.
    Mute,
}

const SABOTAGES: [(&str, Sabotage); 6] = [
    ("key", Sabotage::Key),
    ("placement", Sabotage::Placement),
    ("loss", Sabotage::Loss),
    ("hammer", Sabotage::Hammer),
    ("stall", Sabotage::Stall),
    ("mute", Sabotage::Mute),
];

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Create(Namespace, &'static str),
    /// Its owner changes keys that are not landlord's.
    Edit(Namespace),
    /// An admin gives it to another tenant.
    Move(Namespace, &'static str),
    Delete(Namespace),
    Tamper(Namespace, Tampering),
    /// A user creates a Pod.
    Pod(Namespace),
    /// The tenant is created or edited to this form of its spec.
    Tenant(&'static str, u8),
    /// The tenant is deleted.
    Drop(&'static str),
    /// So many writes are answered 429; on a real API server, all of the controller's requests for
    /// so many tenths of a second.
    PushBack(u32),
    /// So many writes are answered 500.
    Fail(u32),
    /// So many writes are carried out, and no client gets their answer.
    LoseAnswers(u32),
    /// Answers take so many milliseconds.
    Slow(u32),
    /// Every connection of the controllers breaks, and with it their watches.
    BreakWatches,
    /// So many continue tokens are expired.
    ExpirePages(u32),
    /// Old changes are forgotten: who watches from before gets 410.
    Forget,
    /// Admission treats patches so, for so many seconds; for 0 until all is at rest but that.
    Admit(Subject, Namespace, Reaction, u32),
    /// The namespace is deleted and created anew, with nothing in between.
    Recreate(Namespace, &'static str),
    /// So many answers to a GET of a namespace come after the next change of it.
    ReadLate(u32),
    /// So many lists of this kind are answered with this status.
    RefuseLists(&'static str, u16, u32),
    /// The definition of tenants is deleted, and they with it.
    Withdraw,
    /// It is applied again, without them.
    Define,
    /// What etcd holds is saved.
    Snapshot,
    /// etcd is put back to what was saved last, and API servers are restarted.
    Restore,
    /// The clock jumps by so many seconds.
    Jump(u32),
    Kill(Part),
    Freeze(Part),
    Thaw(Part),
    Start(Part),
    /// The policy server answers nonsense.
    Garbage,
    Sabotage(Sabotage, Namespace),
}

/// Words that are no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no event: write one of {words}", words = FORMS.join(", "))]
pub struct EventError(pub String);

/// Every form, for help.
pub const FORMS: [&str; 30] = [
    "create web-N TENANT",
    "edit web-N",
    "move web-N TENANT",
    "delete web-N",
    "tamper web-N selector|label|ledger|wipe",
    "pod web-N",
    "tenant TENANT FORM",
    "drop TENANT",
    "push-back N",
    "fail N",
    "lose-answers N",
    "slow MS",
    "break-watches",
    "expire-pages N",
    "forget",
    "admit namespace|pods web-N CODE|CODE-for-now|revert|strip|hang SECONDS",
    "recreate web-N TENANT",
    "read-late N",
    "refuse-lists namespaces|tenants|pods 403|404 N",
    "withdraw",
    "define",
    "snapshot",
    "restore",
    "jump SECONDS",
    "kill PART",
    "freeze PART",
    "thaw PART",
    "start PART",
    "garbage",
    "sabotage key|placement|loss|hammer|stall|mute web-N",
];

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "web-{}", self.0)
    }
}

impl Event {
    /// The first word: what kind of event it is.
    pub fn kind(&self) -> String {
        self.to_string().split(' ').next().unwrap_or_default().to_owned()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(namespace, tenant) => write!(f, "create {namespace} {tenant}"),
            Self::Edit(namespace) => write!(f, "edit {namespace}"),
            Self::Move(namespace, tenant) => write!(f, "move {namespace} {tenant}"),
            Self::Delete(namespace) => write!(f, "delete {namespace}"),
            Self::Tamper(namespace, what) => {
                write!(f, "tamper {namespace} {}", word(&TAMPERINGS, *what))
            }
            Self::Pod(namespace) => write!(f, "pod {namespace}"),
            Self::Tenant(tenant, form) => write!(f, "tenant {tenant} {form}"),
            Self::Drop(tenant) => write!(f, "drop {tenant}"),
            Self::PushBack(count) => write!(f, "push-back {count}"),
            Self::Fail(count) => write!(f, "fail {count}"),
            Self::LoseAnswers(count) => write!(f, "lose-answers {count}"),
            Self::Slow(ms) => write!(f, "slow {ms}"),
            Self::BreakWatches => f.write_str("break-watches"),
            Self::ExpirePages(count) => write!(f, "expire-pages {count}"),
            Self::Forget => f.write_str("forget"),
            Self::Admit(subject, namespace, reaction, seconds) => {
                let (subject, reaction) = (word(&SUBJECTS, *subject), word(&REACTIONS, *reaction));
                write!(f, "admit {subject} {namespace} {reaction} {seconds}")
            }
            Self::Recreate(namespace, tenant) => write!(f, "recreate {namespace} {tenant}"),
            Self::ReadLate(count) => write!(f, "read-late {count}"),
            Self::RefuseLists(plural, code, count) => {
                write!(f, "refuse-lists {plural} {code} {count}")
            }
            Self::Withdraw => f.write_str("withdraw"),
            Self::Define => f.write_str("define"),
            Self::Snapshot => f.write_str("snapshot"),
            Self::Restore => f.write_str("restore"),
            Self::Jump(seconds) => write!(f, "jump {seconds}"),
            Self::Kill(part) => write!(f, "kill {}", word(&PARTS, *part)),
            Self::Freeze(part) => write!(f, "freeze {}", word(&PARTS, *part)),
            Self::Thaw(part) => write!(f, "thaw {}", word(&PARTS, *part)),
            Self::Start(part) => write!(f, "start {}", word(&PARTS, *part)),
            Self::Garbage => f.write_str("garbage"),
            Self::Sabotage(what, namespace) => {
                write!(f, "sabotage {} {namespace}", word(&SABOTAGES, *what))
            }
        }
    }
}

impl FromStr for Event {
    type Err = EventError;

    fn from_str(text: &str) -> Result<Self, EventError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        about_objects(&words)
            .or_else(|| about_faults(&words))
            .ok_or_else(|| EventError(text.trim().to_owned()))
    }
}

fn about_objects(words: &[&str]) -> Option<Event> {
    Some(match words {
        ["create", namespace, tenant] => Event::Create(a_namespace(namespace)?, a_tenant(tenant)?),
        ["edit", namespace] => Event::Edit(a_namespace(namespace)?),
        ["move", namespace, tenant] => Event::Move(a_namespace(namespace)?, a_tenant(tenant)?),
        ["delete", namespace] => Event::Delete(a_namespace(namespace)?),
        ["recreate", namespace, tenant] => {
            Event::Recreate(a_namespace(namespace)?, a_tenant(tenant)?)
        }
        ["tamper", namespace, what] => {
            Event::Tamper(a_namespace(namespace)?, named(&TAMPERINGS, what)?)
        }
        ["pod", namespace] => Event::Pod(a_namespace(namespace)?),
        ["tenant", tenant, form] => Event::Tenant(a_tenant(tenant)?, form.parse().ok()?),
        ["drop", tenant] => Event::Drop(a_tenant(tenant)?),
        ["sabotage", what, namespace] => {
            Event::Sabotage(named(&SABOTAGES, what)?, a_namespace(namespace)?)
        }
        _ => return None,
    })
}

fn about_faults(words: &[&str]) -> Option<Event> {
    Some(match words {
        ["push-back", count] => Event::PushBack(count.parse().ok()?),
        ["fail", count] => Event::Fail(count.parse().ok()?),
        ["lose-answers", count] => Event::LoseAnswers(count.parse().ok()?),
        ["slow", ms] => Event::Slow(ms.parse().ok()?),
        ["break-watches"] => Event::BreakWatches,
        ["expire-pages", count] => Event::ExpirePages(count.parse().ok()?),
        ["forget"] => Event::Forget,
        ["admit", subject, namespace, reaction, seconds] => Event::Admit(
            named(&SUBJECTS, subject)?,
            a_namespace(namespace)?,
            named(&REACTIONS, reaction)?,
            seconds.parse().ok()?,
        ),
        ["read-late", count] => Event::ReadLate(count.parse().ok()?),
        ["refuse-lists", plural, code @ ("403" | "404"), count] => Event::RefuseLists(
            PLURALS.into_iter().find(|one| one == plural)?,
            code.parse().ok()?,
            count.parse().ok()?,
        ),
        ["withdraw"] => Event::Withdraw,
        ["define"] => Event::Define,
        ["snapshot"] => Event::Snapshot,
        ["restore"] => Event::Restore,
        ["jump", seconds] => Event::Jump(seconds.parse().ok()?),
        ["kill", part] => Event::Kill(named(&PARTS, part)?),
        ["freeze", part] => Event::Freeze(named(&PARTS, part)?),
        ["thaw", part] => Event::Thaw(named(&PARTS, part)?),
        ["start", part] => Event::Start(named(&PARTS, part)?),
        ["garbage"] => Event::Garbage,
        _ => return None,
    })
}

fn a_namespace(word: &str) -> Option<Namespace> {
    word.strip_prefix("web-")?.parse().ok().map(Namespace)
}

fn a_tenant(word: &str) -> Option<&'static str> {
    TENANTS.into_iter().find(|tenant| *tenant == word)
}

fn named<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
    table.iter().find(|(name, _)| *name == word).map(|(_, one)| *one)
}

fn word<T: PartialEq>(table: &[(&'static str, T)], one: T) -> &'static str {
    table.iter().find(|(_, other)| *other == one).map_or("", |(name, _)| name)
}
