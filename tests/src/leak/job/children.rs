//! Clients that are programs of their own: psql and pg_dump for each case anew, drivers once for all of theirs.

use super::tap::Tap;
use super::{Order, Places, timed, variable};
use anyhow::{Context as _, bail};
use std::fs::File;
use std::process::Command;

/// Debian's pgjdbc.
const JDBC: &str = "/usr/share/java/postgresql.jar";

/// Plays all orders of such clients.
pub(super) fn play(orders: &[Order], places: &Places, tap: &Tap) -> anyhow::Result<()> {
    for order in orders {
        match order.client.as_str() {
            "psql" => timed(&format!("psql {}", order.texts().join("; ")), || psql(order, places, tap))?,
            "pg_dump" => timed(&format!("pg_dump {}", order.texts().join(" ")), || pg_dump(order, places, tap))?,
            _ => {}
        }
    }
    let has = |client: &str| orders.iter().any(|order| order.client == client);
    for (client, program) in [("psycopg", "leak_with_psycopg.py"), ("asyncpg", "leak_with_asyncpg.py")] {
        if has(client) {
            let mut command = Command::new(&places.python);
            command.arg(places.drivers.join(program)).arg(&places.orders);
            timed(client, || driver(client, tapped(&mut command, tap)))?;
        }
    }
    if has("jdbc") {
        let mut command = Command::new("java");
        // pgjdbc knows no sockets but TCP: what it got is what it prints.
        command.args(["-XX:TieredStopAtLevel=1", "-cp", JDBC]).arg(places.drivers.join("LeakWithJdbc.java"));
        timed("jdbc", || driver("jdbc", command.arg(&places.orders).arg(&places.out)))?;
    }
    Ok(())
}

fn tapped<'c>(command: &'c mut Command, tap: &Tap) -> &'c mut Command {
    command.env("PGHOST", tap.host()).env("PGPORT", "5432")
}

fn driver(name: &str, command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{name} can't be started"))?;
    if !output.status.success() {
        bail!("{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Runs `command` with all that it prints in the case's file.
fn printed(order: &Order, places: &Places, command: &mut Command) -> anyhow::Result<()> {
    let file = File::create(places.out.join(format!("{}.text", order.key)))?;
    command.env("PGAPPNAME", &order.key).stdin(std::process::Stdio::null()).stdout(file.try_clone()?).stderr(file);
    command.status().with_context(|| format!("{command:?}"))?;
    Ok(())
}

fn psql(order: &Order, places: &Places, tap: &Tap) -> anyhow::Result<()> {
    let mut command = Command::new("psql");
    command.args(["-X", "-v", "VERBOSITY=verbose", "-v", "SHOW_CONTEXT=always"]);
    match order.mode.as_str() {
        "fetch-count" => command.args(["-v", "FETCH_COUNT=2"]),
        "expanded" => command.args(["-x"]),
        _ => command.args(["-A"]),
    };
    if order.mode == "script" {
        let file = places.out.join(format!("{}.sql", order.key));
        let line = |text: String| if text.contains('\\') { text + "\n" } else { text + ";\n" };
        std::fs::write(&file, order.texts().into_iter().map(line).collect::<String>())?;
        command.arg("-f").arg(file);
        return printed(order, places, tapped(&mut command, tap));
    }
    for text in order.texts() {
        let text = match order.mode.as_str() {
            "copy-csv" => format!("\\copy ({text}) TO STDOUT (FORMAT csv, HEADER)"),
            _ => text,
        };
        command.args(["-c", &text]);
    }
    printed(order, places, tapped(&mut command, tap))
}

fn pg_dump(order: &Order, places: &Places, tap: &Tap) -> anyhow::Result<()> {
    let mut command = Command::new("pg_dump");
    command.args(order.texts()).arg("-d").arg(variable("PGDATABASE")?);
    printed(order, places, tapped(&mut command, tap))
}
