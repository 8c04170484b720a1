//! `tests/cases`: tenants and namespaces of other products' users, by `landlord plan`.

use insta::assert_snapshot;
use serde_json::Value;

use crate::landlord::root;
use crate::run::run;

#[test]
fn plans() {
    let text = std::fs::read_to_string(root().join("tests/cases/expected.json")).expect("a file");
    let expected: Value = serde_json::from_str(&text).expect("JSON");
    let plans = expected["plans"].as_array().expect("a list");
    assert!(plans.len() > 30, "the cases are there");
    for plan in plans {
        let files = plan["files"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let files: String = files.map(|file| format!(" -f tests/cases/{file}")).collect();
        let settings = plan["settings"].as_str();
        let settings = settings.map(|file| format!(" --settings tests/cases/{file}"));
        let run = run(&format!("plan -o diff{files}{}", settings.unwrap_or_default()));
        let name = format!("case_{}", plan["name"].as_str().expect("a name").replace('-', "_"));
        assert_snapshot!(name, format!("exit {:?}\n{}{}", run.code, run.out, run.err));
    }
}
