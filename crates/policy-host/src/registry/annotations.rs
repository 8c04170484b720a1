//! Annotations: what a policy's manifest says of it to those who only look at the registry.

use std::collections::BTreeMap;

use crate::metadata::Metadata;

/// Where the policy's metadata names its source code, and where other tools look for that.
const SOURCE: &str = "io.kubewarden.policy.source";
const OCI_SOURCE: &str = "org.opencontainers.image.source";

/// The metadata's annotations, without those of several lines, which OCI does not allow; as
/// `kwctl push` does since 1.21.
pub fn annotations(metadata: &Metadata) -> BTreeMap<String, String> {
    let one_line = |(_, value): &(&String, &String)| value.lines().count() <= 1;
    let mut annotations: BTreeMap<_, _> = metadata
        .annotations
        .iter()
        .filter(one_line)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(source) = annotations.get(SOURCE).cloned() {
        annotations.insert(OCI_SOURCE.to_owned(), source);
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_alone_and_the_source_is_told_twice() {
        let yaml = "
rules: [{apiGroups: [''], apiVersions: [v1], resources: [pods], operations: [CREATE]}]
mutating: false
annotations: {a: one line, io.kubewarden.policy.source: https://example.com/x, b: \"two\\nlines\"}";
        let annotations = annotations(&Metadata::parse(yaml).unwrap());
        let expected = [
            ("a", "one line"),
            (SOURCE, "https://example.com/x"),
            (OCI_SOURCE, "https://example.com/x"),
        ];
        assert_eq!(
            annotations,
            expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
        );
    }
}
