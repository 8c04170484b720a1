//! Requests: what a Pod asks for, and what a node has: cores and bytes.

use std::ops::{Add, AddAssign};

use serde::Deserialize;

/// Of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    resources: Requirements,
    /// `Always` makes a container that runs first one that stays.
    restart_policy: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Requirements {
    requests: Resources,
}

/// Quantities as Kubernetes writes them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Resources {
    cpu: Option<String>,
    memory: Option<String>,
}

/// Cores in thousandths, and memory in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    pub millicores: u32,
    pub bytes: u64,
}

impl Add for Capacity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            millicores: self.millicores.saturating_add(other.millicores),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

impl AddAssign for Capacity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Capacity {
    /// As the scheduler counts: containers run together, and those before them one after the other,
    /// beside the ones of them that stay.
    pub(super) fn of_pod(
        containers: &[Container],
        init_containers: &[Container],
        overhead: &Resources,
    ) -> Self {
        let (mut staying, mut peak) = (Self::default(), Self::default());
        for container in init_containers {
            let asked = container.resources.requests.capacity();
            if container.restart_policy.as_deref() == Some("Always") {
                staying += asked;
                peak = peak.max(staying);
            } else {
                peak = peak.max(staying + asked);
            }
        }
        let running = containers
            .iter()
            .fold(staying, |sum, container| sum + container.resources.requests.capacity());
        running.max(peak) + overhead.capacity()
    }

    fn max(self, other: Self) -> Self {
        Self {
            millicores: self.millicores.max(other.millicores),
            bytes: self.bytes.max(other.bytes),
        }
    }
}

impl Resources {
    /// What is absent or cannot be read is nothing.
    pub(super) fn capacity(&self) -> Capacity {
        let read = |text: &Option<String>| text.as_deref().and_then(quantity).unwrap_or_default();
        Capacity {
            // A float is cut to what fits.
            millicores: (read(&self.cpu) * 1000.0).ceil() as u32,
            bytes: read(&self.memory).ceil() as u64,
        }
    }
}

/// A quantity such as `100m`, `1.5`, `2Gi` or `1e3`.
fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 14] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
    ];
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let (suffix, factor) = SUFFIXES.into_iter().find(|(suffix, _)| text.ends_with(suffix))?;
    Some(text.strip_suffix(suffix)?.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::bound::BoundSpec;
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case("100m", Some(0.1))]
    #[case("2", Some(2.0))]
    #[case("1.5Gi", Some(1_610_612_736.0))]
    #[case("1e3", Some(1000.0))]
    #[case("5M", Some(5e6))]
    #[case("many", None)]
    #[case("", None)]
    fn quantities(#[case] text: &str, #[case] expected: Option<f64>) {
        assert_eq!(quantity(text), expected);
    }

    fn asks(cpu: &str, memory: &str) -> Value {
        json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}})
    }

    fn stays(cpu: &str) -> Value {
        json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
    }

    #[rstest]
    #[case::nothing(json!({}), 0, 0)]
    #[case::containers_add_up(json!({"containers": [asks("100m", "1Mi"), asks("1", "1Ki")]}), 1100, 1_049_600)]
    #[case::the_larger_of_first_and_then(json!({"containers": [asks("100m", "2Mi")], "initContainers": [asks("500m", "1Mi"), asks("300m", "1Mi")]}), 500, 2_097_152)]
    #[case::what_stays_counts_always(json!({"containers": [asks("100m", "1")], "initContainers": [stays("200m"), asks("400m", "0")]}), 600, 1)]
    #[case::overhead(json!({"containers": [asks("100m", "1")], "overhead": {"cpu": "50m"}}), 150, 1)]
    fn what_a_pod_asks_for(#[case] spec: Value, #[case] millicores: u32, #[case] bytes: u64) {
        let spec: BoundSpec = serde_json::from_value(spec).expect("a spec");
        assert_eq!(spec.requests(), Capacity { millicores, bytes });
    }
}
