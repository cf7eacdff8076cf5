//! What a decision costs: `cargo test --release -p gateway-core --lib policy::tests::cost -- --ignored --nocapture`.

#[test]
#[ignore]
fn probe() {
    let link = std::env::var("LINK").unwrap();
    let n: usize = std::env::var("N").unwrap().parse().unwrap();
    let pre = std::env::var("PRE").unwrap_or_default();
    let post = std::env::var("POST").unwrap_or_default();
    let text = format!(
        "@id(\"p\") permit (principal, action in Action::\"operation\", resource) when {{ {pre}{}{post} }};",
        link.repeat(n)
    );
    let started = std::time::Instant::now();
    let r = super::load(&text);
    eprintln!("{:?} {:.200}", started.elapsed(), format!("{:?}", r.err()));
}
