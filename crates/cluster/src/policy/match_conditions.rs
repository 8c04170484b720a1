//! Match conditions: of a policy's `matchConditions`, the one that is the strategy's.

use serde_json::{Value, json};

/// The name of the condition.
const NAME: &str = "landlord-strategy";

/// A policy's conditions with this expression as ours; those of others stay as they are, where they
/// are.
pub(super) fn with(conditions: &[Value], expression: &str) -> Vec<Value> {
    let ours = json!({"name": NAME, "expression": expression});
    let mut conditions = conditions.to_vec();
    match conditions.iter_mut().find(|one| is_ours(one)) {
        Some(found) => *found = ours,
        None => conditions.push(ours),
    }
    conditions
}

/// The same without ours.
pub(super) fn without(conditions: &[Value]) -> Vec<Value> {
    conditions.iter().filter(|one| !is_ours(one)).cloned().collect()
}

fn is_ours(condition: &Value) -> bool {
    condition.get("name").and_then(Value::as_str) == Some(NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_others_stay_as_they_are() {
        let others = [
            json!({"name": "a", "expression": "true"}),
            json!({"name": "z", "expression": "1 == 1", "more": 1}),
        ];
        let [a, z] = others.clone();
        let ours = |expression: &str| json!({"name": NAME, "expression": expression});
        assert_eq!(with(&others, "x"), [a.clone(), z.clone(), ours("x")]);
        assert_eq!(
            with(&[a.clone(), ours("x"), z.clone()], "y"),
            [a.clone(), ours("y"), z.clone()]
        );
        assert_eq!(without(&[a, ours("y"), z]), others);
    }
}
