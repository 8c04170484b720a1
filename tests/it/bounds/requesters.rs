//! What an identity provider can give: many groups.

use serde_json::{Value, json};

use super::bomb::{Bomb, claiming, tenant};

fn grouped(size: usize) -> Bomb {
    let mut bomb = Bomb::create(claiming());
    if let Some(request) = &mut bomb.request {
        request["userInfo"]["groups"] =
            (0..size).map(|number| Value::from(format!("tenant:group-{number}"))).collect();
    }
    bomb
}

/// Of a tenant that is owned by others.
pub(super) fn groups(size: usize) -> Bomb {
    let owners: Vec<Value> =
        (0..10).map(|number| json!({"kind": "Group", "name": format!("owner-{number}")})).collect();
    grouped(size).beside(tenant(json!({"owners": owners})))
}

/// Each of them claims a tenant.
pub(super) fn groups_by_path(size: usize) -> Bomb {
    let rule = json!({"jsonPath": {"path": "$.request.userInfo.groups[*]", "prefix": "tenant:"}});
    grouped(size).under(json!({"identify": [rule]}))
}

pub(super) fn groups_by_hook(size: usize) -> Bomb {
    let demand = json!({"path": "$.request.userInfo.groups[*]", "equals": "tenant:none"});
    grouped(size).under(
        json!({"hooks": [{"name": "in-group", "stages": ["admission"], "require": [demand]}]}),
    )
}
