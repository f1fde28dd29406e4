//! The grammar, its refusals, and what holds for every text.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Template {
    Template::parse(text).unwrap()
}

fn now() -> Now {
    Now { date: "2026-03-14".to_owned(), time: "15:09".to_owned() }
}

fn values(given: &[(&str, &str)]) -> BTreeMap<String, String> {
    given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn filled(text: &str, given: &[(&str, &str)]) -> Result<String, Unfilled> {
    parsed(text).fill(&values(given), &now())
}

#[test]
fn a_template_is_filled_with_what_is_given_and_what_is_usual() {
    let text = "On {{date}} at {{time}}: translate {{text}} into {{language=English}}, {{ tone : formal | friendly }}.";
    assert_eq!(
        filled(text, &[("text", "Hallo")]).unwrap(),
        "On 2026-03-14 at 15:09: translate Hallo into English, formal."
    );
    assert_eq!(
        filled(text, &[("text", "Hallo"), ("language", "日本語"), ("tone", "friendly")]).unwrap(),
        "On 2026-03-14 at 15:09: translate Hallo into 日本語, friendly."
    );
    assert_eq!(filled("{{x=}}.", &[]).unwrap(), ".", "an empty default is one");
}

#[test]
fn a_variable_is_asked_for_once_however_often_and_in_whatever_case_it_stands_there() {
    let template = parsed("{{Name}} and {{name}} and {{programming  language=Rust}}, {{NAME=Ann}}");
    let variables = [
        Variable { name: "Name".to_owned(), takes: Takes::Default("Ann".to_owned()) },
        Variable { name: "programming language".to_owned(), takes: Takes::Default("Rust".to_owned()) },
    ];
    assert_eq!(template.variables(), variables);
    assert_eq!(template.fill(&values(&[("name", "Bo")]), &now()).unwrap(), "Bo and Bo and Rust, Bo");
}

#[test]
fn what_is_filled_in_is_never_read_as_a_template() {
    assert_eq!(filled("{{a}}{{b=x}}", &[("a", "{{b}}\\{{")]).unwrap(), "{{b}}\\{{x");
}

#[test]
fn escapes_give_what_they_hide() {
    for (text, comes_out) in [
        ("\\{{name}}", "{{name}}"),
        ("\\\\{{x=1}}", "\\1"),
        ("\\\\\\{{x}}", "\\{{x}}"),
        ("a \\ b \\n { } }} {x}", "a \\ b \\n { } }} {x}"),
        ("{{x=a\\|b\\}\\}c\\\\d\\ne}}", "a|b}}c\\d\ne"),
        ("{{x:a\\|b|c}}", "a|b"),
        ("{{x=k:v=w}}", "k:v=w"),
        ("{", "{"),
        ("", ""),
    ] {
        assert_eq!(filled(text, &[]).unwrap(), comes_out, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    for (text, line, column, what) in [
        ("one\ntwo {{name", 2, 5, "not closed"),
        ("é{{name\n}}", 1, 2, "not closed"),
        ("{{}}", 1, 1, "no name"),
        ("{{ =x}}", 1, 1, "no name"),
        ("x\n\n  {{#if a}}", 3, 3, "“#if a” is no name"),
        ("{{a {{b}}", 1, 5, "inside another"),
        ("{{a:}}", 1, 1, "empty choice"),
        ("{{a:x||y}}", 1, 1, "empty choice"),
        ("{{a:x|x}}", 1, 1, "twice"),
        ("{{a=1}} {{a=2}}", 1, 9, "further up"),
        ("{{a=1}} {{a:1|2}}", 1, 9, "further up"),
        ("{{date=now}}", 1, 1, "by the program"),
    ] {
        let wrong = Template::parse(text).unwrap_err();
        assert_eq!((wrong.line, wrong.column), (line, column), "{text}");
        assert!(wrong.what.contains(what), "{text}: {}", wrong.what);
    }
    let many: Vec<String> = (0..=VARIABLES_MAX).map(|n| format!("{{{{v{n}}}}}")).collect();
    assert!(Template::parse(&many.concat()).is_err());
    let long = format!("{{{{{}}}}}", "n".repeat(NAME_MAX + 1));
    assert!(Template::parse(&long).is_err());
}

#[test]
fn what_is_given_has_to_fit() {
    assert_eq!(filled("{{a}}{{b}}{{c=1}}", &[]), Err(Unfilled::Missing(vec!["a".to_owned(), "b".to_owned()])));
    assert_eq!(
        filled("{{a}}", &[("a", "1"), ("z", "2")]),
        Err(Unfilled::Unknown { name: "z".to_owned(), known: vec!["a".to_owned()] })
    );
    assert!(matches!(filled("{{a:x|y}}", &[("a", "z")]), Err(Unfilled::NoChoice { .. })));
}

proptest! {
    #[test]
    fn any_text_can_be_escaped_and_comes_out_as_it_was(text in "[\\\\{}a\n|=:é]{0,40}|.{0,60}") {
        let template = parsed(&escaped(&text));
        prop_assert!(template.variables().is_empty());
        prop_assert_eq!(template.fill(&BTreeMap::new(), &now()).unwrap(), text);
    }

    #[test]
    fn no_text_breaks_the_parser_and_a_refusal_names_a_place_in_it(text in "[\\\\{}ab\n|=: #é]{0,60}|.{0,80}") {
        match Template::parse(&text) {
            Ok(template) => {
                let mut asked = 0;
                let _ = template.render(&now(), |_, _| { asked += 1; String::new() });
                prop_assert_eq!(asked, template.variables().len());
            }
            Err(wrong) => {
                prop_assert!(wrong.line >= 1 && wrong.line <= text.matches('\n').count() + 1);
                let line = text.split('\n').nth(wrong.line - 1).unwrap();
                prop_assert!(wrong.column >= 1 && wrong.column <= line.chars().count() + 1);
            }
        }
    }

    #[test]
    fn values_stand_where_they_belong_whatever_is_in_them(
        before in ".{0,20}", value in "[\\\\{}=|a]{0,12}|.{0,20}", after in ".{0,20}",
    ) {
        // A backslash or a brace at its end would belong to the braces.
        let before = before.trim_end_matches(['\\', '{']);
        let text = format!("{}{{{{v}}}}{}{{{{v}}}}", escaped(before), escaped(&format!(".{after}.")));
        let given = BTreeMap::from([("v".to_owned(), value.clone())]);
        prop_assert_eq!(parsed(&text).fill(&given, &now()).unwrap(), format!("{before}{value}.{after}.{value}"));
    }
}
