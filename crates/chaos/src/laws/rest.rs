//! At rest: every namespace is as its tenant wants it, or it is said why not.

use super::super::spec::Wanted;
use super::*;

/// What is there at the end, and of which namespaces something is reported.
#[derive(Debug, Default)]
pub struct Rest {
    pub namespaces: Vec<Arc<Value>>,
    pub tenants: Vec<Arc<Value>>,
    /// Namespaces of which it is said why they are not compliant.
    pub reported: BTreeSet<String>,
    /// What was reported once and is all right by now counts as well: there is nothing but a log.
    pub once_is_enough: bool,
}

impl Laws {
    /// Looks at all namespaces that schedules are about.
    pub fn see_rest(&mut self, rest: &Rest) {
        let ours = |one: &&Arc<Value>| one["metadata"]["labels"][TENANT_LABEL].is_string();
        for namespace in rest.namespaces.iter().filter(ours) {
            let tenant = namespace["metadata"]["labels"][TENANT_LABEL].as_str().unwrap_or_default();
            match rest.tenant_of(namespace) {
                Some(known) => self.see_compliance(namespace, known, rest),
                None => self.see_release(namespace, tenant, rest),
            }
        }
        let (writes, allowed) = (self.writes, self.allowed);
        self.check(writes <= allowed || self.led_twice, || {
            format!(
                "writes: {writes} of namespaces, where the changes made {allowed} necessary at most"
            )
        });
    }

    fn see_compliance(&mut self, namespace: &Value, tenant: &Value, rest: &Rest) {
        let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
        let wrong = self.differences(namespace, tenant);
        let tenant = tenant["metadata"]["name"].as_str().unwrap_or_default();
        let reported = rest.reported.contains(name);
        self.check(wrong.is_empty() || reported, || {
            format!(
                "convergence: {name} of {tenant} at rest, and nothing is reported: {}",
                wrong.join(", ")
            )
        });
        self.check(!wrong.is_empty() || !reported || rest.once_is_enough, || {
            format!("convergence: {name} is compliant, and yet it is reported")
        });
    }

    /// Its tenant is gone: what landlord put there for it is gone as well. Where all tenants went
    /// at once, their kind may have, so it stays; and so does what another tenant's ledger lists,
    /// as the namespace was given to this one without landlord having seen both.
    fn see_release(&mut self, namespace: &Value, tenant: &str, rest: &Rest) {
        let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
        if rest.tenants.is_empty() {
            return;
        }
        self.check(rest.reported.contains(name), || {
            format!("convergence: the tenant of {name} is gone, and nothing is reported")
        });
        let ledger = namespace["metadata"]["annotations"][LEDGER].as_str().unwrap_or_default();
        let anothers = !ledger.is_empty() && !ledger.contains(&format!("\"tenant\":\"{tenant}\""));
        // A tenant that went together with others has ten minutes to come back, for which a real
        // cluster is not waited for.
        let waits_long_enough = !rest.once_is_enough;
        if waits_long_enough && !anothers && self.residue.get(name).is_none_or(BTreeSet::is_empty) {
            let left: Vec<String> = managed(namespace).into_iter().flatten().collect();
            self.check(left.is_empty(), || {
                format!("convergence: the tenant of {name} is gone, and left {left:?}")
            });
        }
    }
}

impl Rest {
    /// The tenant of a namespace, if there is one.
    pub(super) fn tenant_of(&self, namespace: &Value) -> Option<&Arc<Value>> {
        let tenant = namespace["metadata"]["labels"][TENANT_LABEL].as_str()?;
        self.tenants.iter().find(|one| one["metadata"]["name"] == tenant)
    }
}

impl Laws {
    /// What a namespace does not carry as its tenant wants it.
    pub(super) fn differences(&self, namespace: &Value, tenant: &Value) -> Vec<String> {
        let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
        let wanted = Wanted::from_tenant(tenant);
        let residue = self.residue.get(name).cloned().unwrap_or_default();
        let mut wrong = Vec::new();
        for (field, keys, wanted) in
            [("labels", LABELS, &wanted.labels), ("annotations", ANNOTATIONS, &wanted.annotations)]
        {
            for key in keys {
                let found = namespace["metadata"][field][key].as_str();
                let wanted = wanted.get(key).map(String::as_str);
                if found != wanted && !(wanted.is_none() && residue.contains(key)) {
                    wrong.push(format!("{key} is {found:?} instead of {wanted:?}"));
                }
            }
        }
        let ledger = namespace["metadata"]["annotations"][LEDGER].as_str().unwrap_or_default();
        let tenant = tenant["metadata"]["name"].as_str().unwrap_or_default();
        if !ledger.starts_with(&format!("{{\"tenant\":\"{tenant}\"")) {
            wrong.push(format!("its ledger is {ledger:?}"));
        }
        wrong
    }

    /// Pods of namespaces of this kind that still wait.
    pub fn waiting_among(&self, ready: impl Fn(&str) -> bool) -> Vec<String> {
        self.pods
            .iter()
            .filter(|(_, pod)| ready(&pod.namespace))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// No Pod of a namespace that is compliant waits for ever.
    pub fn see_released(&mut self, waiting: &[String]) {
        self.check(waiting.is_empty(), || {
            format!("convergence: Pods of compliant namespaces wait still: {waiting:?}")
        });
    }

    /// Law 6: what was asked for in silence.
    pub fn see_silence(&mut self, loud: &[String]) {
        self.check(loud.is_empty(), || format!("silence: at rest there was {}", loud.join(", ")));
    }

    /// Law 2: so many writes by one who looked again.
    pub fn see_idempotence(&mut self, writes: usize) {
        self.check(writes == 0, || {
            format!("idempotence: {writes} writes by a controller that looks at what is at rest")
        });
    }

    /// Law 1: what admission would have made of a namespace that the controller leaves alone.
    pub fn see_one_engine(&mut self, name: &str, reconciled: &Value, admitted: &Value) {
        let [one, other] = [reconciled, admitted]
            .map(|object| (without_managed(object)["metadata"].clone(), managed(object)));
        self.check(one.1 == other.1 && one.0["labels"] == other.0["labels"] && one.0["annotations"] == other.0["annotations"], || {
            format!("one engine: the controller leaves {name} at {one:?}, and the policy would make {other:?} of it")
        });
    }

    /// A namespace that nobody deleted.
    pub fn see_survival(&mut self, name: &str, survived: bool) {
        self.check(survived, || {
            format!("lost namespace: {name} is gone, or another one, and nobody deleted it")
        });
    }

    /// Law 4, of processes: those that ended by themselves, or panicked.
    pub fn see_casualties(&mut self, casualties: &[String]) {
        self.check(casualties.is_empty(), || format!("panics: {}", casualties.join("; ")));
    }

    /// Law 4.
    pub fn see_panics(&mut self, panics: usize) {
        self.check(panics == 0, || format!("panics: {panics}"));
    }
}
