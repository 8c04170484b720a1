//! `autoscaled`: labels of nodes that an autoscaler makes when Pods need them.

use crate::decode::DecodeError;
use crate::metadata::Map;
use crate::selector::NodeSelector;

pub(super) fn read(pools: Vec<Map>) -> Result<Vec<NodeSelector>, DecodeError> {
    let pool = |(index, labels): (usize, Map)| {
        if labels.is_empty() {
            let message = "it has no label, so that it would stand for every pool: write the labels of its nodes";
            return Err(DecodeError::new(format!("autoscaled[{index}]"), message));
        }
        NodeSelector::try_from(labels)
            .map_err(|error| DecodeError::caused(format!("autoscaled[{index}]"), &error))
    };
    pools.into_iter().enumerate().map(pool).collect()
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use serde_json::json;

    #[test]
    fn labels_that_no_node_can_have_are_refused() {
        let read = |pool| Settings::from_value(&json!({"autoscaled": [{"pool": "solar"}, pool]}));
        let settings = read(json!({"tier": "prod", "pool": "gpu"})).expect("settings");
        let pools: Vec<String> = settings.autoscaled.iter().map(ToString::to_string).collect();
        assert_eq!(pools, ["pool=solar", "pool=gpu,tier=prod"]);
        let error = read(json!({"pool": "no label"})).expect_err("no label").to_string();
        assert!(error.contains("autoscaled[1]") && error.contains("no label"), "{error}");
        let error = read(json!({})).expect_err("every pool").to_string();
        assert!(error.contains("autoscaled[1]: it has no label"), "{error}");
    }
}
