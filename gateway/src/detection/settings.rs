//! `[detection]`: which rules, and what is overridden in them.

use crate::config::Table;
use gateway_core::finding::{RuleProblem, Rules, duration};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The rules that are looked for where no file is named.
const RULES: &str = include_str!("../../../policies/rules.toml");
/// What they are called in problems.
pub const SHIPPED: &str = "the shipped rules";
/// Bytes of a file of rules.
const LARGEST: u64 = 1 << 20;
/// How long a workload is blocked.
const BLOCK: Duration = Duration::from_secs(24 * 3600);

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectionSettings {
    /// The file of rules; the shipped ones where there is none.
    pub file: Option<PathBuf>,
    /// Instead of the file's `learn`.
    pub learn: Option<Duration>,
    /// Instead of the file's `group`.
    pub group: Option<Duration>,
    /// Instead of the file's `budget`.
    pub budget: Option<u32>,
    /// How long a workload is blocked by a rule that wants that.
    pub block: Duration,
}

/// Rules that can't be had.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// There is no such file, or it can't be read.
    #[error("the rules of detection, {}, can't be read: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is no file of rules.
    #[error("the rules of detection have {}:\n  {}", crate::telemetry::count(.0.len() as u64, "problem", "problems"), lines(.0))]
    Bad(Vec<RuleProblem>),
}

fn lines(problems: &[RuleProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ")
}

impl DetectionSettings {
    /// The rules, as the file has them now.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn rules(&self) -> Result<Rules, RulesError> {
        let (name, text) = text(self.file.as_deref())?;
        let rules = Rules::read(&name, &text).map_err(RulesError::Bad)?;
        let Self { learn, group, budget, .. } = *self;
        Ok(Rules {
            learn: learn.unwrap_or(rules.learn),
            group: group.unwrap_or(rules.group),
            budget: budget.unwrap_or(rules.budget),
            ..rules
        })
    }
}

/// A file of rules, or the shipped ones: its name, and its text.
///
/// # Errors
/// Where it can't be read.
pub fn text(file: Option<&Path>) -> Result<(String, String), RulesError> {
    let Some(path) = file else { return Ok((SHIPPED.to_owned(), RULES.to_owned())) };
    let failed = |error| RulesError::Read { path: path.to_owned(), error };
    let mut text = String::new();
    std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text)).map_err(failed)?;
    if text.len() as u64 > LARGEST {
        return Err(failed(io::Error::other(format!("it has more than {LARGEST} bytes: leave rules out"))));
    }
    Ok((path.display().to_string(), text))
}

/// Reads `[detection]`; none where it is switched off.
pub(crate) fn read(mut table: Table<'_, '_>, directory: &Path) -> Option<DetectionSettings> {
    let enabled = table.flag("enabled").unwrap_or(true);
    let file = table.text("rules").map(|file| directory.join(file.get_ref()));
    let hint = "a time such as \"45s\", \"30m\", \"2h\" or \"7d\", at most 400d";
    let learn = table.parsed("learn", hint, |text| if text == "0s" { Some(Duration::ZERO) } else { duration(text) });
    let group = table.parsed("group", hint, duration);
    let budget = table.number("budget", 0, 100_000);
    let block = table.parsed("block_for", hint, duration).unwrap_or(BLOCK);
    table.end();
    enabled.then_some(DetectionSettings { file, learn, group, budget, block })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<Config, Vec<String>> {
        let text = format!("trust_domain = \"acme.example\"\n{text}\n");
        Config::parse(&text, Path::new("/etc/weir"))
            .map_err(|problems| problems.into_iter().map(|problem| format!("{} {}", problem.what, problem.hint)).collect())
    }

    #[test]
    fn nothing_is_looked_for_but_where_it_is_said_and_what_is_said_counts() {
        assert_eq!(parse("").unwrap().detection, None);
        assert_eq!(parse("[detection]\nenabled = false").unwrap().detection, None);
        let usual = parse("[detection]").unwrap().detection.unwrap();
        assert_eq!(usual, DetectionSettings { file: None, learn: None, group: None, budget: None, block: BLOCK });
        let rules = usual.rules().unwrap();
        assert!(rules.rules.len() > 10, "{rules:?}");
        let text = "[detection]\nlearn = \"0s\"\nbudget = 3\nblock_for = \"2h\"";
        let other = parse(text).unwrap().detection.unwrap();
        let changed = other.rules().unwrap();
        assert_eq!((changed.learn, changed.budget, changed.group), (Duration::ZERO, 3, rules.group));
        assert_eq!(other.block, Duration::from_hours(2));
        let named = parse("[detection]\nrules = \"rules.toml\"").unwrap();
        assert!(named.private_files().contains(&PathBuf::from("/etc/weir/rules.toml")), "no job sees what is looked for");
        for (wrong, told) in [("learn = \"soon\"", "`learn` can't be"), ("rule = \"x\"", "did you mean `rules`?")] {
            let problems = parse(&format!("[detection]\n{wrong}")).unwrap_err();
            assert!(problems[0].contains(told), "{problems:?}");
        }
    }

    #[test]
    fn rules_that_can_not_be_had_say_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.toml");
        let settings = DetectionSettings { file: Some(path.clone()), learn: None, group: None, budget: None, block: BLOCK };
        assert!(settings.rules().unwrap_err().to_string().contains("can't be read"));
        std::fs::write(&path, "\n[[rule]]\nname = \"x\"\nkind = \"count\"\nseverity = \"low\"\n").unwrap();
        let told = settings.rules().unwrap_err().to_string();
        assert!(told.contains(&format!("{}:3: rule \"x\": `codes` is missing", path.display())), "{told}");
        std::fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
        assert!(settings.rules().unwrap_err().to_string().contains("more than 1048576 bytes"));
    }
}
