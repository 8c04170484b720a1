//! Reports for pull requests and browsers: nothing that a user writes into a name or a value
//! becomes markup.

use std::fs;
use std::path::Path;
use std::process::Command;

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::landlord::{Run, binary, root, run, run_command, run_in, run_on};

/// Written into every place that files can hold.
const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(1)> ``` \n```\n# head [x](javascript:x) | @everyone \u{1b}[2J";

fn hostile() -> String {
    let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar"}, "spec": {"annotations": {"note": HOSTILE}}});
    let namespace = |name: &str, labels: Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels, "annotations": {"own": HOSTILE}}});
    let claimed = namespace(HOSTILE, json!({"landlord.dev/tenant": "solar"}));
    let unknown = namespace("other", json!({"landlord.dev/tenant": HOSTILE}));
    json!({"kind": "List", "items": [tenant, claimed, unknown]}).to_string()
}

#[test]
fn a_page_shows_markup_and_obeys_none() {
    let page = run_on("plan -f - -o html", &hostile());
    assert_eq!(page.code, Some(1), "the unknown tenant: {}", page.err);
    assert!(!page.out.contains("<script") && !page.out.contains("<img"), "{}", page.out);
    assert!(
        page.out.contains("&lt;script&gt;alert(1)") && page.out.contains("<b>2</b> namespaces"),
        "{}",
        page.out
    );
    assert!(
        !page.out.contains("http://") && !page.out.contains("https://"),
        "a page needs nothing but itself"
    );
}

#[test]
fn a_comment_shows_markup_and_obeys_none() {
    let text = run_on("plan -f - -o markdown", &hostile()).out;
    let mut fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
            assert!(["```diff", "```"].contains(&line), "{line}");
            continue;
        }
        // In a fence nothing is markup; outside of it, nothing of what was written may be.
        let bare = |part: &str| line.contains(part) && !line.contains(&format!("\\{part}"));
        assert!(
            fenced
                || !(line.contains("<script")
                    || line.contains("<img")
                    || bare("[x](")
                    || line.contains("@everyone")),
            "{line}"
        );
        assert!(!line.contains('\u{1b}'), "{line}");
    }
    assert!(!fenced && text.contains("```diff"), "{text}");
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
}

#[test]
fn a_terminal_obeys_nothing_either() {
    for form in ["table", "diff"] {
        let out = run_on(&format!("plan -f - -o {form}"), &hostile()).out;
        assert!(!out.contains('\u{1b}'), "{out}");
    }
    assert!(!run_on("explain other -f -", &hostile()).out.contains('\u{1b}'));
}

#[test]
fn yaml_is_the_same_document_as_json() {
    for command in
        ["plan -f examples/getting-started", "explain solar-web -f examples/getting-started"]
    {
        let json: Value =
            serde_json::from_str(&run(&format!("{command} -o json")).out).expect("JSON");
        let yaml: Value =
            serde_saphyr::from_str(&run(&format!("{command} -o yaml")).out).expect("YAML");
        assert_eq!(json, yaml);
    }
}

#[test]
fn names_are_those_that_would_change() {
    assert_eq!(
        run("plan -f examples/getting-started -o name").out,
        "namespace/solar-batch\nnamespace/solar-web\n"
    );
}

/// More than a comment holds is counted.
#[rstest]
#[case::one(1)]
#[case::each_its_own(1000)]
fn a_comment_fits_into_github(#[case] tenants: usize) {
    let name = |number: usize| format!("solar-{}", number % tenants);
    let namespace = |number: usize| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("ns-{number:04}"), "labels": {"landlord.dev/tenant": name(number)}}});
    let tenant = |number: usize| json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name(number)}, "spec": {"labels": {"a": "b"}}});
    let items: Vec<Value> = (0..1000).map(namespace).chain((0..tenants).map(tenant)).collect();
    let text =
        run_on("plan -f - -o markdown", &json!({"kind": "List", "items": items}).to_string()).out;
    assert!(
        text.len() < 65_536 && text.contains("more namespaces are not shown here"),
        "{}",
        text.len()
    );
}

#[rstest]
#[case::piped([("A", "b")], "", false)]
#[case::asked([("A", "b")], "--color=always", true)]
#[case::forced([("CLICOLOR_FORCE", "1")], "", true)]
#[case::not_forced([("CLICOLOR_FORCE", "0")], "", false)]
#[case::forced_and_not([("CLICOLOR_FORCE", "1")], "--color=never", false)]
#[case::by_the_environment([("LANDLORD_COLOR", "always")], "", true)]
#[case::no_color_but_asked([("NO_COLOR", "1")], "--color=always", true)]
fn colours(#[case] environment: [(&str, &str); 1], #[case] flag: &str, #[case] coloured: bool) {
    for form in ["table", "diff"] {
        let run =
            run_in(environment, &format!("plan -f examples/getting-started -o {form} {flag}"));
        assert_eq!(run.out.contains('\u{1b}'), coloured, "{}{}", run.out, run.err);
    }
}

#[test]
fn help_obeys_the_same_flag() {
    assert!(run("plan --help --color=always").out.contains('\u{1b}'));
    assert!(!run("plan --help --color=never").out.contains('\u{1b}'));
}

/// The example for GitHub, and a folder for what its steps write.
struct Example {
    steps: Vec<Value>,
    folder: TempDir,
}

impl Example {
    fn read() -> Self {
        let file = root().join("examples/github-actions/plan-comment.yml");
        let workflow: Value =
            serde_saphyr::from_str(&fs::read_to_string(file).expect("the example")).expect("YAML");
        let steps = workflow["jobs"]["plan"]["steps"].as_array().cloned().expect("steps");
        Self { steps, folder: tempfile::tempdir().expect("a folder") }
    }

    fn script(&self, name: &str) -> &str {
        self.steps
            .iter()
            .find(|step| step["name"] == name)
            .and_then(|step| step["run"].as_str())
            .expect("a step")
    }

    /// Runs a step as GitHub does, on the files of this folder.
    fn step(&self, name: &str, config: &Path, code: &str) -> Run {
        let path = format!("{}:/usr/bin:/bin", binary().parent().expect("a folder").display());
        let mut command = Command::new("bash");
        command
            .args(["-e", "-o", "pipefail", "-c", self.script(name)])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", &path);
        command
            .env("CONFIG", config)
            .env("CODE", code)
            .env("GITHUB_STEP_SUMMARY", "summary.md")
            .env("GITHUB_OUTPUT", "output");
        run_command(&mut command, "")
    }

    fn read_file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect("a file")
    }
}

/// What the comment begins with; by it it is found again.
const MARK: &str = "<!-- landlord plan -->\n";

/// The steps of the example for GitHub that need nothing of GitHub's.
#[test]
fn the_example_for_pull_requests() {
    let example = Example::read();
    for uses in example.steps.iter().filter_map(|step| step["uses"].as_str()) {
        let (_, version) = uses.split_once('@').expect("a version");
        assert!(
            version.len() == 40 && version.chars().all(|letter| letter.is_ascii_hexdigit()),
            "{uses} is pinned by no commit"
        );
    }
    let config = root().join("examples/getting-started");
    let plan = example.step("Plan", &config, "");
    assert_eq!(
        (plan.code, example.read_file("output").as_str()),
        (Some(0), "code=2\n"),
        "{}",
        plan.err
    );
    let comment = example.read_file("plan.md");
    assert!(
        comment.starts_with(MARK)
            && comment.contains("## Tenant solar")
            && example.read_file("summary.md") == comment,
        "{comment}"
    );
    assert!(example.read_file("plan.html").contains("</html>"));
    let fails = ["2", "1"]
        .map(|code| example.step("Fail where something cannot be planned", &config, code).code);
    assert_eq!(fails, [Some(0), Some(1)]);
}

/// The comment says what is wrong where nothing can be planned, and nothing of it is markup.
#[test]
fn the_example_for_pull_requests_tells_what_does_not_parse() {
    let example = Example::read();
    let broken = example.folder.path().join("broken.yaml");
    fs::write(&broken, "kind: [  # ``` @everyone\n").expect("a file");
    let plan = example.step("Plan", &broken, "");
    assert_eq!(
        (plan.code, example.read_file("output").as_str()),
        (Some(0), "code=1\n"),
        "{}",
        plan.err
    );
    let (comment, shown) = (example.read_file("plan.md"), plan.err.trim());
    assert!(
        comment.starts_with(MARK)
            && comment.contains("broken.yaml:1:7 is neither YAML nor JSON")
            && shown.contains("broken.yaml"),
        "{comment}{shown}"
    );
    assert!(comment.lines().skip(3).all(|line| line.starts_with("    ")), "{comment}");
}

/// Of all comments the workflow finds its own, whatever others the same user wrote.
#[test]
fn the_example_for_pull_requests_edits_its_own_comment_only() {
    let example = Example::read();
    let script = example.script("Comment");
    assert_eq!(run_command(Command::new("bash").args(["-n", "-c", script]), "").code, Some(0));
    let filter = script
        .lines()
        .find_map(|line| line.strip_prefix("own="))
        .expect("the filter")
        .trim_matches('\'');
    let comment = |id: u64, login: &str, body: &str| json!({"id": id, "user": {"login": login}, "body": body});
    let bot = "github-actions[bot]";
    let own = format!("{MARK}# What landlord would change");
    let comments = json!([
        comment(1, "mallory", &own),
        comment(2, bot, &own),
        comment(3, bot, "coverage: 93 %"),
        comment(4, bot, &format!("quoted: {own}"))
    ]);
    let found = run_command(Command::new("jq").args(["-r", filter]), &comments.to_string());
    assert_eq!((found.code, found.out.as_str()), (Some(0), "2\n"), "{}", found.err);
}
