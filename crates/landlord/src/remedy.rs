//! Remedy: what to do about errors that have nothing to do with landlord – no cluster, no rights,
//! the wrong context.

use anyhow::Error;
use cluster::error::message;
use kube::config::{InferConfigError, KubeconfigError};

/// The error and its causes in one line; some already say theirs. What the API server says is said
/// in its own words, and nothing after it.
pub(crate) fn describe_error(error: &Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        // Its cause says the same once more, and better.
        if cause.is::<InferConfigError>() {
            continue;
        }
        let error = cause.downcast_ref::<kube::Error>();
        let words = match cause.downcast_ref::<KubeconfigError>() {
            Some(KubeconfigError::ReadConfig(why, path)) => {
                format!("{} cannot be read: {why}", path.display())
            }
            _ => error.map_or_else(|| cause.to_string(), message),
        };
        if text.is_empty() {
            text = words;
        } else if !text.ends_with(&words) {
            text += &format!(": {words}");
        }
        if matches!(error, Some(kube::Error::Api(_))) {
            break;
        }
    }
    text
}

/// A way out; `None` where the error says it itself.
pub(crate) fn find_remedy(error: &Error) -> Option<String> {
    let cause = error.chain().find_map(|cause| {
        cause
            .downcast_ref::<kube::Error>()
            .map(api)
            .or_else(|| cause.downcast_ref::<KubeconfigError>().map(kubeconfig))
    });
    cause.flatten().or_else(|| {
        error
            .chain()
            .find_map(|cause| cause.downcast_ref::<InferConfigError>())
            .map(|_| no_cluster())
    })
}

fn no_cluster() -> String {
    "give a kubeconfig by --kubeconfig or KUBECONFIG; `plan`, `explain` and `audit` read files as well, with -f".to_owned()
}

fn api(error: &kube::Error) -> Option<String> {
    match error {
        kube::Error::Api(status) => rights(status.code, &status.message),
        kube::Error::InferConfig(_) => Some(no_cluster()),
        kube::Error::Auth(_) => {
            Some("the kubeconfig's way to log in does not work: try `kubectl auth whoami`, and log in again".to_owned())
        }
        kube::Error::HyperError(_) | kube::Error::Service(_) => Some(
            "is the API server up, and is this the right context? `kubectl cluster-info` asks the same one; --context chooses another"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Of answers that say who may not.
fn rights(code: u16, message: &str) -> Option<String> {
    match code {
        401 => Some(
            "the API server does not know you: log in again (`kubectl auth whoami`), or choose another context by --context".to_owned(),
        ),
        403 if message.contains("cannot ") => Some(format!("ask for the right, or see what you may: {}", can_i(message))),
        _ => None,
    }
}

/// `kubectl auth can-i VERB RESOURCE`, from the API server's own words:
/// `User "x" cannot list resource "namespaces" in API group …`.
fn can_i(message: &str) -> String {
    let verb = message.split("cannot ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let mut quoted =
        message.split("resource \"").nth(1).into_iter().flat_map(|rest| rest.split('"'));
    let resource = quoted.next();
    let group = message
        .split("API group \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .filter(|group| !group.is_empty());
    match (verb, resource) {
        (Some(verb), Some(resource)) => {
            let group = group.map(|group| format!(".{group}")).unwrap_or_default();
            format!("`kubectl auth can-i {verb} {resource}{group} -A`")
        }
        _ => "`kubectl auth can-i --list`".to_owned(),
    }
}

fn kubeconfig(error: &KubeconfigError) -> Option<String> {
    match error {
        KubeconfigError::CurrentContextNotSet => Some(
            "choose a context by --context, or for good by `kubectl config use-context NAME`; `kubectl config get-contexts` lists them"
                .to_owned(),
        ),
        KubeconfigError::LoadContext(_) => Some("`kubectl config get-contexts` lists the contexts there are".to_owned()),
        KubeconfigError::FindPath | KubeconfigError::ReadConfig(..) => Some(no_cluster()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_to_kubectl_is_the_one_that_was_refused() {
        let message = "clusteradmissionpolicies.policies.kubewarden.io \"landlord\" is forbidden: User \"x\" cannot get resource \
                       \"clusteradmissionpolicies\" in API group \"policies.kubewarden.io\" at the cluster scope";
        assert_eq!(
            can_i(message),
            "`kubectl auth can-i get clusteradmissionpolicies.policies.kubewarden.io -A`"
        );
        assert_eq!(
            can_i(
                "namespaces is forbidden: User \"x\" cannot list resource \"namespaces\" in API group \"\" at the cluster scope"
            ),
            "`kubectl auth can-i list namespaces -A`"
        );
    }
}
