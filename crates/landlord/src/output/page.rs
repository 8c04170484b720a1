//! Page: an HTML page that needs nothing but itself.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use terminal::visible;

const STYLE: PreEscaped<&str> = PreEscaped(include_str!("page.css"));

/// A page with this title.
pub(crate) fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (STYLE) }
            }
            body {
                main {
                    h1 { (title) }
                    (body)
                }
            }
        }
    };
    page.into_string().split('\n').map(visible).collect::<Vec<_>>().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_there() {
        let page = page("T", &html! { pre { "so\u{202e}lar\nlunar" } });
        assert!(page.contains("so\\u{202e}lar\nlunar"), "{page}");
    }
}
