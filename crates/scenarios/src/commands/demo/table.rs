//! What became of the Pods, as a table.

use terminal::{Column, Screen, lay_out};

use super::run::Outcome;

const HEAD: [Column; 6] = [
    Column::fixed("namespace"),
    Column::fixed("created by"),
    Column::fixed("tenant"),
    Column::fixed("node selector"),
    Column::fixed("Pod landed on"),
    Column::fixed("verdict"),
];

/// A line a namespace, and below it why some were refused.
pub(super) fn table(outcomes: &[Outcome], screen: Screen) -> String {
    let cell = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let row = |one: &Outcome| {
        vec![
            one.namespace.clone(),
            one.user.clone(),
            one.tenant.clone(),
            cell(&one.selector),
            cell(&one.node),
            one.verdict().to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = outcomes.iter().map(row).collect();
    let refusals = outcomes.iter().filter_map(|one| {
        one.refusal.as_ref().map(|words| format!("\n{}: {words}\n", one.namespace))
    });
    lay_out(&HEAD, &rows, screen) + &refusals.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_namespace() {
        let outcome =
            |namespace: &str, user: &str, node: Option<&str>, refusal: Option<&str>| Outcome {
                namespace: namespace.to_owned(),
                user: user.to_owned(),
                tenant: "comet".to_owned(),
                selector: node.map(|_| "pool=comet".to_owned()),
                node: node.map(str::to_owned),
                refusal: refusal.map(str::to_owned),
            };
        let outcomes = [
            outcome("app-comet-1", "ci", Some("comet-2"), None),
            outcome("app-2", "comet-owner", Some("solar-1"), None),
            outcome("app-stolen", "ci", None, Some("it is not yours")),
        ];
        let expected = "NAMESPACE    CREATED BY   TENANT  NODE SELECTOR  POD LANDED ON  VERDICT\n\
                        app-comet-1  ci           comet   pool=comet     comet-2        ok\n\
                        app-2        comet-owner  comet   pool=comet     solar-1        OUTSIDE\n\
                        app-stolen   ci           comet   -              -              refused\n\
                        \n\
                        app-stolen: it is not yours\n";
        assert_eq!(table(&outcomes, Screen { width: None, color: false }), expected);
    }
}
