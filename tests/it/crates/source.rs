//! Source: of one file, what is not test code: all but items under `#[cfg(test)]`.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

const TEST: &str = "#[cfg(test)]";

/// The tokens of a file without its tests.
pub(super) fn tokens(text: &str) -> Vec<TokenTree> {
    without_tests(text.parse().unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn without_tests(tokens: TokenStream) -> Vec<TokenTree> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if is_punct(token, '#') && tokens.get(at + 1).is_some_and(is_cfg_test) {
            at = end_of_item(&tokens, at + 2);
            continue;
        }
        kept.push(match token {
            TokenTree::Group(group) => {
                Group::new(group.delimiter(), without_tests(group.stream()).into_iter().collect())
                    .into()
            }
            other => other.clone(),
        });
        at += 1;
    }
    kept
}

pub(super) fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

/// `[cfg(test)]`.
fn is_cfg_test(token: &TokenTree) -> bool {
    let text = format!("#{token}");
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket)
        && text.replace(' ', "") == TEST
}

/// After the semicolon or the braces that end the item.
fn end_of_item(tokens: &[TokenTree], from: usize) -> usize {
    let is_end = |token: &TokenTree| {
        is_punct(token, ';')
            || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    from + tokens.iter().skip(from).position(is_end).map_or(tokens.len() - from, |at| at + 1)
}

/// The lines of a formatted file without its tests: an item ends where a line as far in as its
/// first ends with a brace or a semicolon.
pub(super) fn lines(text: &str) -> usize {
    let mut count = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let is_last = |line: &str| {
            let far_in = line.get(..indent).is_some_and(|start| start.trim().is_empty())
                && !line[indent..].starts_with(' ');
            far_in && line.ends_with(['}', ';'])
        };
        if line.trim() == TEST {
            lines.by_ref().find(|line| is_last(line));
        } else {
            count += 1;
        }
    }
    count
}

#[test]
fn tests_are_left_out() {
    let text = "use a::b;\n#[cfg(test)]\nmod x;\n\nmod y {\n    #[cfg(test)]\n    fn z() {\n        a();\n    }\n    fn w() {}\n}\n\n#[cfg(test)]\n#[path = \"p\"]\nmod tests {\n    use q;\n}\n";
    assert_eq!(lines(text), "use a::b;\n\nmod y {\n    fn w() {}\n}\n\n".lines().count());
    let kept: TokenStream = tokens(text).into_iter().collect();
    let expected: TokenStream = "use a::b; mod y { fn w() {} }".parse().expect("tokens");
    assert_eq!(kept.to_string(), expected.to_string());
}
