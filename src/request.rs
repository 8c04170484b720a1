//! Request: the parts of a Kubernetes AdmissionRequest that the policy reads. The object stays raw
//! JSON: a typed round trip would drop fields that the type does not know.

use serde_json::Value;
use tenancy::members::at;
use tenancy::requester::Requester;

use crate::response::Denial;

/// What Kubewarden hands to `validate`.
pub(crate) struct Payload {
    pub(crate) request: Request,
    pub(crate) settings: Value,
}

/// `request` as the API server sent it.
pub(crate) struct Request {
    raw: Value,
}

/// What is done to the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
    /// DELETE, CONNECT and whatever else the policy's rules do not ask for.
    Other,
}

impl Payload {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, Denial> {
        let mut payload: Value = serde_json::from_slice(payload).map_err(|error| {
            Denial::invalid(format!("the request is not the JSON that Kubewarden sends, {error}: report this with the request"))
        })?;
        let mut take = |field| payload.get_mut(field).map(Value::take).unwrap_or_default();
        Ok(Self { request: Request { raw: take("request") }, settings: take("settings") })
    }
}

impl Request {
    pub(crate) fn raw(&self) -> &Value {
        &self.raw
    }

    pub(crate) fn operation(&self) -> Operation {
        match self.read_text(&["operation"]) {
            "CREATE" => Operation::Create,
            "UPDATE" => Operation::Update,
            _ => Operation::Other,
        }
    }

    /// Whether this is about a Namespace or one of its subresources.
    pub(crate) fn is_about_namespaces(&self) -> bool {
        self.read_text(&["kind", "group"]).is_empty()
            && self.read_text(&["kind", "kind"]) == "Namespace"
            || self.read_text(&["resource", "resource"]) == "namespaces"
    }

    pub(crate) fn is_about_pods(&self) -> bool {
        self.read_text(&["kind", "group"]).is_empty() && self.read_text(&["kind", "kind"]) == "Pod"
    }

    /// The namespace of the object; empty for what has none.
    pub(crate) fn namespace(&self) -> &str {
        self.read_text(&["namespace"])
    }

    pub(crate) fn object(&self) -> &Value {
        self.raw.get("object").unwrap_or(&Value::Null)
    }

    pub(crate) fn old_object(&self) -> &Value {
        self.raw.get("oldObject").unwrap_or(&Value::Null)
    }

    pub(crate) fn requester(&self) -> Requester {
        Requester::from_user_info(self.raw.get("userInfo").unwrap_or(&Value::Null))
    }

    fn read_text(&self, place: &[&str]) -> &str {
        at(&self.raw, place).and_then(Value::as_str).unwrap_or_default()
    }
}
