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

/// What somebody spoils of what landlord wrote.
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

/// A law that is broken on purpose, in the controller's name, to show that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A key that is not landlord's.
    Key,
    /// A Pod goes to a foreign pool.
    Placement,
    /// The namespace is deleted.
    Loss,
}

const SABOTAGES: [(&str, Sabotage); 3] =
    [("key", Sabotage::Key), ("placement", Sabotage::Placement), ("loss", Sabotage::Loss)];

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
    /// Somebody creates a Pod.
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
    /// So many writes are carried out, and nobody is told.
    LoseAnswers(u32),
    /// Answers take so many milliseconds.
    Slow(u32),
    /// Every connection of the controllers breaks, and with it their watches.
    BreakWatches,
    /// So many continue tokens are expired.
    ExpirePages(u32),
    /// Old changes are forgotten: who watches from before gets 410.
    Forget,
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
pub const FORMS: [&str; 22] = [
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
    "jump SECONDS",
    "kill PART",
    "freeze PART",
    "thaw PART",
    "start PART",
    "garbage",
    "sabotage key|placement|loss web-N",
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
