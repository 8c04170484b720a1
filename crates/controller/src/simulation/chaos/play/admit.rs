//! Admit: webhooks and admission policies that do not let landlord's patches through.

use std::time::Duration;

use chaos::event::{Reaction, Subject};
use chaos::spec::NODE_SELECTOR;
use fake_apiserver::{Admission, AdmissionRule};

use super::{Namespace, Stage};

/// Longer than anybody waits for an answer.
const HANGING: Duration = Duration::from_secs(20);
/// Seconds that a denial asks to wait, where it does.
const RETRY_AFTER: u64 = 60;

impl Stage {
    pub(super) fn admit(
        &mut self,
        subject: Subject,
        name: Namespace,
        reaction: Reaction,
        seconds: u32,
    ) {
        let (name, rule) = (name.to_string(), AdmissionRule::new(admission(reaction, subject)));
        let rule = match subject {
            Subject::Namespace => rule.only("namespaces").named(&name),
            Subject::Pods => rule.only("pods").within(&name),
        };
        if reaction == Reaction::Hang {
            // Its write comes when another may lead, and is fenced by its version only.
            self.laws.unfenced.extend(["one", "two"].map(str::to_owned));
        }
        let rule = match seconds {
            0 => rule,
            seconds => rule.lasting(Duration::from_secs(seconds.into())),
        };
        if seconds == 0 {
            self.failing.insert(name);
        }
        self.server.faults().admit_by(rule);
    }
}

fn admission(reaction: Reaction, subject: Subject) -> Admission {
    match (reaction, subject) {
        (Reaction::Deny(code), _) => Admission::Deny { code, retry_after: 0 },
        (Reaction::DenyForNow(code), _) => Admission::Deny { code, retry_after: RETRY_AFTER },
        (Reaction::Strip, Subject::Namespace) => Admission::Strip(vec![format!(
            "/metadata/annotations/{}",
            NODE_SELECTOR.replace('/', "~1")
        )]),
        // A Pod that is released without its selector cannot be put right.
        (Reaction::Revert | Reaction::Strip, _) => Admission::Revert,
        (Reaction::Hang, _) => Admission::Delay(HANGING),
    }
}
