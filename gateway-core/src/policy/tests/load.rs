//! Tests of loading: bounds, lints, and what a set is found to look at.

use super::{PERMIT, check_bad, load};
use crate::policy::{DEPTH, FILE_BYTES, OPERATORS, PolicySet, SET_BYTES};

fn conditioned(condition: &str) -> String {
    format!("@id(\"p\") permit (principal, action in Action::\"operation\", resource) when {{ {condition} }};")
}

/// Loading `text` is refused in these words, and neither panics nor overflows the stack.
fn check_refused(text: &str, words: &str) {
    let problems = load(text).unwrap_err();
    let said = problems.iter().any(|problem| problem.what.contains(words));
    assert!(said, "{:.80}… is refused otherwise: {problems:#?}", text);
}

#[test]
fn no_nesting_and_no_chain_overflows_the_stack() {
    let long = FILE_BYTES / 2 - 200;
    for (open, close) in [("(", ")"), ("[", "]"), ("{a:", "}")] {
        let deep = |times: usize| format!("{}true{}", open.repeat(times), close.repeat(times));
        check_refused(&conditioned(&deep(long / open.len())), "nested deeper");
        check_refused(&conditioned(&deep(DEPTH)), "nested deeper");
    }
    check_refused(&"(".repeat(FILE_BYTES), "nested deeper");
    let chains = ["!", "-", "true && ", "true || ", "1 + ", "1 - ", "1 * ", "if true then true else "];
    for link in chains {
        check_refused(&conditioned(&format!("{}true", link.repeat(long / link.len()))), "operators");
    }
    // Within the bounds Cedar has its say, and only has to return.
    let operands = [".a", " has a.a", ".contains(context)", "[\"a\"]", " == 1", " in resource", " like \"a\""];
    for (link, before, behind) in
        chains.map(|link| (link, "", "true")).into_iter().chain(operands.map(|link| (link, "context", "")))
    {
        for times in [long / link.len(), OPERATORS - 10, OPERATORS - DEPTH - 10] {
            let chain = format!("{before}{}{behind}", link.repeat(times));
            let _judged = load(&conditioned(&chain));
            let _judged = load(&conditioned(&format!("{}{chain}{}", "(".repeat(DEPTH - 4), ")".repeat(DEPTH - 4))));
        }
    }
    let wide = format!("[{}1].contains(1)", "1, ".repeat(20_000));
    assert!(load(&conditioned(&wide)).is_ok(), "a long list is no deep one");
    let clauses = format!("{};", conditioned("true").trim_end_matches(';').to_owned() + &" when { true }".repeat(20_000));
    let _judged = load(&clauses);
    let annotated = format!("{}{PERMIT}", "@a ".repeat(100_000));
    let _judged = load(&annotated);
}

#[test]
fn the_size_of_a_file_and_of_a_set_is_bounded() {
    let blank = |bytes: usize| " ".repeat(bytes);
    check_refused(&format!("{PERMIT}{}", blank(FILE_BYTES)), "1048576 are read");
    assert!(load(&format!("{PERMIT}{}", blank(FILE_BYTES - PERMIT.len()))).is_ok());
    let many = (0..=SET_BYTES / FILE_BYTES).map(|number| (format!("{number}.cedar"), blank(FILE_BYTES))).collect();
    assert!(PolicySet::load(many).unwrap_err().iter().any(|problem| problem.what.contains("4194304 are read")));
}

#[test]
fn strings_and_comments_are_not_counted() {
    let brackets = "(".repeat(DEPTH * 2);
    let text = format!("// {brackets} ! \"\n{}", conditioned(&format!("context.database != \"{brackets}\\\"{brackets}\"")));
    assert!(load(&text).is_ok(), "{:?}", load(&text));
    let long = conditioned(&format!("{}true", "1 < 2 && ".repeat(OPERATORS / 4)));
    let several: String = (0..20).map(|number| long.replace("\"p\"", &format!("\"p{number}\""))).collect();
    assert!(load(&several).is_ok(), "the bound is a policy's, not a file's: {:?}", load(&several));
}

#[test]
fn an_id_that_can_never_match_is_refused_and_says_how_it_is_written() {
    check_bad(
        r#"@id("a") forbid (principal, action, resource == Table::"prod-pg/users");
@id("b") forbid (principal, action, resource in Schema::"public");
@id("c") forbid (principal, action, resource) when { resource == Function::"prod-pg/public.*" };
@id("d") forbid (principal, action == Action::"read", resource) when { context.parsed && resource in [Table::"prod-pg/public.users", Table::"prod-pg/\"public\".users"] };
@id("e") @hold("group=dba") permit (principal, action == Action::"connect", resource in Target::"nobody-knows");
@id("f") @on_deny("kill_run") permit (principal, action == Action::"connect", resource in Target::"nobody-knows");
@id("g") forbid (principal, action == Action::"read", resource is Class);
"#,
        &[
            ("a.cedar:1: ", "write Table::\"prod-pg/public.users\""),
            ("a.cedar:2: ", "no target"),
            ("a.cedar:3: ", "stands for nothing"),
            ("a.cedar:4: ", "not spelled"),
            ("a.cedar:5: ", "on a forbid"),
            ("a.cedar:6: ", "on a forbid"),
            ("a.cedar:7: ", "applicable action"),
            ("a.cedar:7: ", "impossible"),
        ],
    );
}

#[test]
fn a_mistake_is_told_once_and_not_for_every_action() {
    check_bad(
        &conditioned("context.copy == \"file\" && context.vreb == \"DROP\""),
        &[("a.cedar:1: ", "copy"), ("a.cedar:1: ", "vreb")],
    );
}

#[test]
fn what_a_set_looks_at_is_read_from_its_tree() {
    let watches = [
        ("context.session.rows > 5", true),
        ("!(context.parsed && (if context.run.bytes < 5 then true else false))", true),
        ("context has hour && [context.hour.seconds].contains(5)", true),
        ("context.database == \"context.run.rows\" // context.run.rows", false),
        ("resource is Table && resource.name == \"run\"", false),
        ("context.in_transaction && principal.run like \"r-*\"", false),
        ("[context] == [context]", true),
        ("(if context.parsed then context else context).run.rows > 5", true),
    ];
    for (condition, wanted) in watches {
        let text = conditioned(condition).replace(" }", "\n }");
        assert_eq!(load(&text).unwrap().watches_totals(), wanted, "{condition}");
    }
}

#[test]
fn what_a_set_names_of_a_target_is_found_in_scopes_and_in_conditions() {
    let set = load(
        r#"@id("a") forbid (principal, action, resource in Schema::"prod-pg/secret");
@id("b") forbid (principal, action == Action::"read", resource) when { resource in [Table::"prod-pg/public.users", Table::"prod-pg/audit.users"] };
@id("c") forbid (principal, action == Action::"call", resource == Function::"prod-pg/public.f") unless { resource == Function::"prod-pg/?.g" };
@id("d") forbid (principal, action == Action::"read", resource == Column::"prod-pg/hr.people.pay");
@id("e") forbid (principal, action == Action::"read", resource == Table::"other/public.users") when { "Table::\"prod-pg/x.y\"" == "prod-pg/x.y" || true };
"#,
    );
    let set = set.unwrap();
    let mentions = set.mentions("prod-pg");
    let show = |list: &std::collections::BTreeMap<Box<str>, std::collections::BTreeSet<Box<str>>>| {
        list.iter()
            .map(|(name, schemas)| format!("{name}:{}", schemas.iter().cloned().collect::<Vec<_>>().join("+")))
            .collect::<Vec<_>>()
    };
    assert_eq!(show(&mentions.relations), ["people:hr", "users:audit+public"]);
    assert_eq!(show(&mentions.functions), ["f:public", "g:"]);
    assert_eq!(mentions.schemas.iter().map(|schema| &**schema).collect::<Vec<_>>(), ["secret"]);
    assert_eq!(show(&set.mentions("other").relations), ["users:public"]);
    assert_eq!(set.mentions("third"), crate::inspect::resolve::Mentions::default());
}

#[test]
fn a_set_lists_its_policies_with_their_places() {
    let set = load(&format!("\n\n{PERMIT}\n@id(\"f\") @message(\"no\") @alert(\"low\")\nforbid (principal, action == Action::\"connect\", resource) when {{ context.port == 1 }};")).unwrap();
    let listed: Vec<_> =
        set.entries().map(|entry| (entry.id.as_str(), entry.permits, entry.line, entry.annotations.len())).collect();
    assert_eq!(listed, [("f", false, Some(4), 2), ("p", true, Some(3), 0)]);
}
