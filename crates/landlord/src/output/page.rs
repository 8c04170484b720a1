//! Page: an HTML page that needs nothing but itself.

use maud::{DOCTYPE, Markup, PreEscaped, html};

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
    page.into_string() + "\n"
}
