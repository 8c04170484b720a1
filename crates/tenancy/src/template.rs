//! Keys and values that may name the tenant and the namespace: `{{tenant.name}}`, `{{namespace}}`.
//!
//! A tag runs from `{{` to the next `}}`; white space inside, Unicode's included, does not matter.

/// How tags are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// Landlord's tenants: an unknown tag and a `{{` without end are errors.
    Strict,
    /// Capsule's lists: an unknown tag becomes nothing, a `{{` without end is literal text (Capsule
    /// itself panics there).
    Lenient,
    /// Capsule's other metadata: no tags at all.
    Literal,
}

/// Text with tags, read once and rendered for each namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Template {
    source: String,
    /// None where the source holds no tag: most have none, and there can be hundreds.
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Text(String),
    Tenant,
    Namespace,
}

/// Why something is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A tag that names nothing.
    #[error("tag {tag:?} in {template:?} is unknown; use {{{{tenant.name}}}} or {{{{namespace}}}}")]
    UnknownTag {
        /// What stands between the braces, without white space around it.
        tag: String,
        /// The whole text.
        template: String,
    },
    /// `{{` without `}}`.
    #[error("a {{{{ in {template:?} has no end; close the tag with }}}}")]
    Unterminated {
        /// The whole text.
        template: String,
    },
}

impl Template {
    /// Reads a text by this grammar. Only [`Grammar::Strict`] returns errors.
    pub fn parse(source: &str, grammar: Grammar) -> Result<Self, TemplateError> {
        let parts = match grammar {
            Grammar::Literal => Vec::new(),
            Grammar::Strict | Grammar::Lenient if !source.contains("{{") => Vec::new(),
            Grammar::Strict | Grammar::Lenient => parse_parts(source, grammar)?,
        };
        Ok(Template { source: source.to_owned(), parts })
    }

    /// Whether the result depends on the namespace's name, which is not known while the API server
    /// still has to make it up.
    pub fn needs_namespace(&self) -> bool {
        self.parts.contains(&Part::Namespace)
    }

    /// Whether it holds any tag.
    pub(crate) fn has_tags(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Text(_)))
    }

    /// The text with its tags replaced; `None` where it needs a namespace name that is not known.
    pub fn render(&self, tenant: &str, namespace: Option<&str>) -> Option<String> {
        if self.parts.is_empty() {
            return Some(self.source.clone());
        }
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                Part::Tenant => Some(tenant),
                Part::Namespace => namespace,
            })
            .collect()
    }

    /// The text as written.
    pub fn as_source(&self) -> &str {
        &self.source
    }
}

fn parse_parts(source: &str, grammar: Grammar) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = source;
    while let Some((text, after)) = rest.split_once("{{") {
        let Some((tag, next)) = after.split_once("}}") else {
            unterminated(source, grammar)?;
            break;
        };
        parts.push(Part::Text(text.to_owned()));
        parts.extend(parse_tag(tag.trim(), source, grammar)?);
        rest = next;
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}

fn parse_tag(tag: &str, source: &str, grammar: Grammar) -> Result<Option<Part>, TemplateError> {
    match tag {
        "tenant.name" => Ok(Some(Part::Tenant)),
        "namespace" => Ok(Some(Part::Namespace)),
        _ if grammar == Grammar::Lenient => Ok(None),
        _ => Err(TemplateError::UnknownTag { tag: tag.to_owned(), template: source.to_owned() }),
    }
}

fn unterminated(source: &str, grammar: Grammar) -> Result<(), TemplateError> {
    match grammar {
        Grammar::Strict => Err(TemplateError::Unterminated { template: source.to_owned() }),
        Grammar::Lenient | Grammar::Literal => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("plain", "plain")]
    #[case("{{tenant.name}}", "solar")]
    #[case("a-{{ namespace }}-b", "a-prod-b")]
    #[case("{{\u{a0}\ttenant.name\u{2003}\n}}", "solar")]
    #[case("{{tenant.name}}{{namespace}}", "solarprod")]
    #[case("}}{", "}}{")]
    fn renders_in_both_grammars(#[case] source: &str, #[case] rendered: &str) {
        for grammar in [Grammar::Strict, Grammar::Lenient] {
            let template = Template::parse(source, grammar).unwrap();
            assert_eq!(template.render("solar", Some("prod")).unwrap(), rendered);
            assert_eq!(template.as_source(), source);
        }
    }

    #[rstest]
    #[case("{{{tenant.name}}}", "}", "is unknown")]
    #[case("a{{nope}}b", "ab", "is unknown")]
    #[case("{{}}", "", "is unknown")]
    #[case("{{Tenant.Name}}", "", "is unknown")]
    #[case("a{{tenant.name", "a{{tenant.name", "has no end")]
    #[case("{{namespace}}{{", "prod{{", "has no end")]
    #[case("{{a{{namespace}}", "", "is unknown")]
    fn strict_refuses_what_lenient_renders(
        #[case] source: &str,
        #[case] rendered: &str,
        #[case] part: &str,
    ) {
        let lenient = Template::parse(source, Grammar::Lenient).unwrap();
        assert_eq!(lenient.render("solar", Some("prod")).unwrap(), rendered);
        let error = Template::parse(source, Grammar::Strict).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }

    #[rstest]
    #[case("{{namespace}}", Grammar::Strict, true)]
    #[case("{{tenant.name}}", Grammar::Strict, false)]
    #[case("{{namespace}}", Grammar::Literal, false)]
    fn knows_what_it_needs(#[case] source: &str, #[case] grammar: Grammar, #[case] needs: bool) {
        let template = Template::parse(source, grammar).unwrap();
        assert_eq!(template.needs_namespace(), needs);
        assert_eq!(template.render("solar", None).is_none(), needs);
    }

    #[test]
    fn messages_show_the_braces() {
        let error = Template::parse("{{x}}", Grammar::Strict).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"tag "x" in "{{x}}" is unknown; use {{tenant.name}} or {{namespace}}"#
        );
    }

    proptest! {
        #[test]
        fn literal_is_the_identity(source in ".{0,30}|[{}a ]{0,20}") {
            let template = Template::parse(&source, Grammar::Literal).unwrap();
            prop_assert_eq!(template.render("solar", None).unwrap(), source);
        }

        #[test]
        fn lenient_takes_every_text(source in ".{0,30}|[{}a ]{0,20}") {
            prop_assert!(Template::parse(&source, Grammar::Lenient).is_ok());
        }
    }
}
