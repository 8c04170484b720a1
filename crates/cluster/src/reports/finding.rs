//! Finding: what one rule says of one namespace.

use assessment::{Fault, Reason};

/// Pods that a message names at most, and that a result refers to at most.
const MAX_NAMED_PODS: usize = 5;
const MAX_PODS: usize = 100;
/// Bytes of a message; what a fault says may be as long as a tenant makes it.
const MAX_MESSAGE_BYTES: usize = 1024;

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The namespace carries what its tenant wants.
    Compliant,
    /// Nothing on record speaks against the claim of its tenant.
    Verified,
    /// Its Pods run in the tenant's pool.
    Placement,
}

impl Rule {
    pub fn word(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Verified => "verified",
            Self::Placement => "placement",
        }
    }
}

/// A result, as both kinds of report spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Fail,
    /// Not met, and not counted.
    Warn,
    /// It could not be judged.
    Error,
    /// It does not apply.
    Skip,
}

impl Verdict {
    pub const ALL: [Self; 5] = [Self::Pass, Self::Fail, Self::Warn, Self::Error, Self::Skip];

    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Skip => "skip",
        }
    }
}

/// How a namespace stands with its tenant.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The tenant that is claimed, whether it exists or not.
    pub tenant: Option<&'a str>,
    /// Why it is not compliant, or what a hook warns of.
    pub fault: Option<&'a Fault>,
    /// Whether something is still to be written.
    pub is_pending: bool,
}

/// Where the Pods of a namespace run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Placement {
    /// The tenant's node selector there; `None` where it has none.
    pub pool: Option<String>,
    /// In order of their names.
    pub outside: Vec<OutsidePod>,
    /// Why it, or one of its Pods, could not be judged.
    pub unjudged: Vec<String>,
}

/// A Pod outside its tenant's pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OutsidePod {
    pub name: String,
    pub uid: String,
    pub node: String,
    /// In one bounded word.
    pub cause: &'static str,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: Rule,
    pub verdict: Verdict,
    /// Why, in one bounded word; empty where there is nothing to explain.
    pub reason: &'static str,
    pub message: String,
    /// Pods that it is about: their names and uids. Without any, it is about the namespace.
    pub pods: Vec<(String, String)>,
}

impl Finding {
    fn new(rule: Rule, verdict: Verdict, reason: &'static str, message: String) -> Self {
        Self { rule, verdict, reason, message: shortened(message), pods: Vec::new() }
    }

    /// Whether the namespace carries what its tenant wants.
    pub fn compliant(standing: &Standing<'_>) -> Self {
        let (verdict, reason, message) = match (standing.fault, standing.tenant) {
            (Some(fault), _) => {
                (compliance(fault.reason), fault.reason.word(), fault.message.clone())
            }
            (None, _) if standing.is_pending => {
                let message = "what its tenant wants is not written yet".to_owned();
                (Verdict::Fail, "Pending", message)
            }
            (None, Some(tenant)) => {
                let message = format!("the namespace carries what tenant {tenant:?} wants");
                (Verdict::Pass, "", message)
            }
            (None, None) => (Verdict::Skip, "", "no tenant claims the namespace".to_owned()),
        };
        Self::new(Rule::Compliant, verdict, reason, message)
    }

    /// Whether the claim of its tenant is followed.
    pub fn verified(standing: &Standing<'_>) -> Self {
        let fault = standing.fault.map(|fault| (verification(fault.reason), fault));
        let (verdict, reason, message) = match (fault, standing.tenant) {
            (Some((Some(verdict), fault)), _) => {
                (verdict, fault.reason.word(), fault.message.clone())
            }
            (_, Some(tenant)) => {
                let message = format!("nothing on record speaks against tenant {tenant:?}");
                (Verdict::Pass, "", message)
            }
            (_, None) => (Verdict::Skip, "", "no tenant claims the namespace".to_owned()),
        };
        Self::new(Rule::Verified, verdict, reason, message)
    }

    /// Whether its Pods run in the pool. How many do is no part of it: it would be another finding
    /// with each Pod that comes.
    pub fn placement(placement: &Placement) -> Self {
        let Placement { pool, outside, unjudged } = placement;
        let rule = Rule::Placement;
        match (outside.first(), unjudged.first(), pool) {
            (Some(first), ..) => {
                let message = outside_message(pool.as_deref().unwrap_or_default(), outside);
                let pods = outside.iter().take(MAX_PODS);
                let pods = pods.map(|pod| (pod.name.clone(), pod.uid.clone())).collect();
                Self { pods, ..Self::new(rule, Verdict::Fail, first.cause, message) }
            }
            (None, Some(why), _) => Self::new(rule, Verdict::Error, "NotJudged", why.clone()),
            (None, None, Some(pool)) => {
                Self::new(rule, Verdict::Pass, "", format!("no Pod runs outside {pool}"))
            }
            (None, None, None) => {
                let message = "no tenant's node selector applies there".to_owned();
                Self::new(rule, Verdict::Skip, "", message)
            }
        }
    }
}

fn compliance(reason: Reason) -> Verdict {
    match reason {
        Reason::HookWarning => Verdict::Warn,
        Reason::AmbiguousClaim
        | Reason::DoesNotComeToRest
        | Reason::InvalidKey
        | Reason::InvalidNodeSelector
        | Reason::InvalidTenant
        | Reason::InvalidValue
        | Reason::UnknownTenant => Verdict::Error,
        _ => Verdict::Fail,
    }
}

/// `None` where the fault says nothing of the claim.
fn verification(reason: Reason) -> Option<Verdict> {
    match reason {
        Reason::Unverified => Some(Verdict::Fail),
        Reason::AmbiguousClaim | Reason::InvalidTenant | Reason::UnknownTenant => {
            Some(Verdict::Error)
        }
        _ => None,
    }
}

fn outside_message(pool: &str, outside: &[OutsidePod]) -> String {
    let named = outside.iter().take(MAX_NAMED_PODS);
    let named: Vec<String> =
        named.map(|pod| format!("{} on {} ({})", pod.name, pod.node, pod.cause)).collect();
    let more = match outside.len() - named.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{} Pods run outside {pool}: {}{more}", outside.len(), named.join(", "))
}

fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES - '…'.len_utf8()));
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::compliant(Some("solar"), None, false, Verdict::Pass, Verdict::Pass)]
    #[case::pending(Some("solar"), None, true, Verdict::Fail, Verdict::Pass)]
    #[case::nobodys(None, None, false, Verdict::Skip, Verdict::Skip)]
    #[case::released(None, None, true, Verdict::Fail, Verdict::Skip)]
    #[case::warned(Some("solar"), Some(Reason::HookWarning), false, Verdict::Warn, Verdict::Pass)]
    #[case::conflicted(
        Some("solar"),
        Some(Reason::Conflicted),
        false,
        Verdict::Fail,
        Verdict::Pass
    )]
    #[case::forbidden(Some("solar"), Some(Reason::Forbidden), true, Verdict::Fail, Verdict::Pass)]
    #[case::unverified(
        Some("solar"),
        Some(Reason::Unverified),
        false,
        Verdict::Fail,
        Verdict::Fail
    )]
    #[case::left(None, Some(Reason::Unverified), false, Verdict::Fail, Verdict::Fail)]
    #[case::unclaimed(None, Some(Reason::Unclaimed), false, Verdict::Fail, Verdict::Skip)]
    #[case::unknown(
        Some("solar"),
        Some(Reason::UnknownTenant),
        false,
        Verdict::Error,
        Verdict::Error
    )]
    #[case::invalid(
        Some("solar"),
        Some(Reason::InvalidValue),
        false,
        Verdict::Error,
        Verdict::Pass
    )]
    fn verdicts(
        #[case] tenant: Option<&str>,
        #[case] reason: Option<Reason>,
        #[case] is_pending: bool,
        #[case] compliant: Verdict,
        #[case] verified: Verdict,
    ) {
        let fault = reason.map(|reason| Fault { reason, message: "the fault".to_owned() });
        let standing = Standing { tenant, fault: fault.as_ref(), is_pending };
        let found = [Finding::compliant(&standing), Finding::verified(&standing)];
        assert_eq!(found.each_ref().map(|one| one.verdict), [compliant, verified]);
        let word = reason.map_or(if is_pending { "Pending" } else { "" }, Reason::word);
        assert_eq!(found[0].reason, word);
        if fault.is_some() {
            assert_eq!(found[0].message, "the fault");
        }
    }

    fn pod(name: &str) -> OutsidePod {
        OutsidePod {
            name: name.to_owned(),
            uid: format!("uid of {name}"),
            node: "n1".to_owned(),
            cause: "NodeRelabelled",
        }
    }

    #[test]
    fn placements() {
        let pool = Some("pool=solar".to_owned());
        let placement = |pool: &Option<String>, outside: Vec<OutsidePod>, unjudged: &[&str]| {
            let unjudged = unjudged.iter().map(|why| (*why).to_owned()).collect();
            Finding::placement(&Placement { pool: pool.clone(), outside, unjudged })
        };
        let inside = placement(&pool, Vec::new(), &[]);
        assert_eq!(
            (inside.verdict, inside.message.as_str()),
            (Verdict::Pass, "no Pod runs outside pool=solar")
        );
        assert_eq!(placement(&None, Vec::new(), &[]).verdict, Verdict::Skip);
        let unjudged = placement(&pool, Vec::new(), &["its node is not known"]);
        assert_eq!((unjudged.verdict, unjudged.reason), (Verdict::Error, "NotJudged"));

        let outside = placement(&pool, vec![pod("a"), pod("b")], &["its node is not known"]);
        assert_eq!((outside.verdict, outside.reason), (Verdict::Fail, "NodeRelabelled"));
        assert_eq!(
            outside.message,
            "2 Pods run outside pool=solar: a on n1 (NodeRelabelled), b on n1 (NodeRelabelled)"
        );
        assert_eq!(outside.pods[1], ("b".to_owned(), "uid of b".to_owned()));
        let many = placement(&pool, (0..500).map(|one| pod(&one.to_string())).collect(), &[]);
        assert_eq!(many.pods.len(), MAX_PODS);
        assert!(many.message.starts_with("500 Pods"), "{}", many.message);
        assert!(many.message.ends_with(", and 495 more"), "{}", many.message);
    }

    #[test]
    fn a_message_has_a_length() {
        let fault = Fault { reason: Reason::HookRejected, message: "ü".repeat(5000) };
        let standing = Standing { tenant: None, fault: Some(&fault), is_pending: false };
        let message = Finding::compliant(&standing).message;
        assert!(message.len() <= MAX_MESSAGE_BYTES && message.ends_with('…'));
    }
}
