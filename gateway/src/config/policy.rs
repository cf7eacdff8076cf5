//! The policy directory: its files, as one checked set whose cases pass.

use anyhow::{Context as _, Result};
use gateway_core::policy::cases::{self, Case, Outcome};
use gateway_core::policy::{FILE_BYTES, PolicyProblem, PolicySet, SET_BYTES};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What a policy directory holds, as texts with their files' names.
#[derive(Clone, Debug, Default)]
pub struct PolicyTexts {
    /// `*.cedar`.
    pub policies: Vec<(String, String)>,
    /// `cases/*.toml`.
    pub cases: Vec<(String, String)>,
}

/// Reads, parses and checks a policy directory and runs its cases: a set that fails one is a bad set. The set, and what it
/// was made of.
pub fn load_policy(dir: &Path) -> Result<(PolicySet, PolicyTexts)> {
    let texts = PolicyTexts::read(dir)?;
    let set = texts.load().map_err(problems)?;
    let failures: Vec<_> = texts.run(&set).map_err(problems)?.iter().filter_map(Outcome::problem).collect();
    if failures.is_empty() { Ok((set, texts)) } else { Err(problems(failures)) }
}

impl PolicyTexts {
    /// The texts of `dir`, none where it has no name. Case files are those of its folder `cases`, if it has one.
    pub fn read(dir: &Path) -> Result<Self> {
        if dir.as_os_str().is_empty() {
            return Ok(Self::default());
        }
        let policies = files(dir, "cedar").with_context(|| format!("cannot read the policy directory {}", dir.display()))?;
        let cases = dir.join("cases");
        let cases = if cases.is_dir() { Self::cases(&cases)? } else { Vec::new() };
        Ok(Self { policies, cases })
    }

    /// The case files of a folder.
    pub fn cases(dir: &Path) -> Result<Vec<(String, String)>> {
        files(dir, "toml").with_context(|| format!("cannot read the cases in {}", dir.display()))
    }

    /// The set, checked, its cases apart.
    pub fn load(&self) -> Result<PolicySet, Vec<PolicyProblem>> {
        PolicySet::load(self.policies.clone())
    }

    /// What `set` says to the cases.
    pub fn run(&self, set: &PolicySet) -> Result<Vec<Outcome>, Vec<PolicyProblem>> {
        let cases: Vec<Case> = cases::read(&self.cases)?;
        Ok(cases::run(set, &cases))
    }
}

/// The files of `dir` whose names end so, sorted by their paths.
fn files(dir: &Path, extension: &str) -> Result<Vec<(String, String)>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            paths.push(path);
        }
    }
    paths.sort();
    let (mut texts, mut bytes) = (Vec::new(), 0);
    for path in paths {
        let text = text(&path).with_context(|| format!("cannot read {}", path.display()))?;
        bytes += text.len();
        texts.push((path.display().to_string(), text));
        // The check of the set refuses what is more: no need to read on.
        if bytes > SET_BYTES {
            break;
        }
    }
    Ok(texts)
}

/// A file's text: at most a byte more than is taken, so that its check can refuse it.
fn text(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > FILE_BYTES {
        anyhow::bail!("it has more than {FILE_BYTES} bytes: split it");
    }
    String::from_utf8(bytes).context("it is not UTF-8")
}

/// All problems as one error.
pub fn problems(problems: Vec<PolicyProblem>) -> anyhow::Error {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let count = if lines.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", lines.len()) };
    anyhow::anyhow!("the policy set has {count}:\n  {}", lines.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERMIT: &str = r#"@id("p") permit (principal, action == Action::"connect", resource);"#;

    /// Names below a policy directory, with what they hold.
    type Files<'f> = &'f [(&'f str, &'f [u8])];

    /// A case of a connect that expects this.
    fn case(expect: &str) -> String {
        format!(
            "[[case]]\nname = \"it connects\"\nprincipal = {{ workload = \"spiffe://a/b\" }}\ntarget = {{ name = \"db\" }}\naction = \"connect\"\nexpect = \"{expect}\"\n"
        )
    }

    /// Loads a directory of these files.
    fn load(files: Files<'_>) -> Result<PolicySet> {
        let dir = tempfile::tempdir()?;
        std::fs::create_dir(dir.path().join("cases"))?;
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes)?;
        }
        load_policy(dir.path()).map(|(set, _)| set)
    }

    #[test]
    fn a_set_whose_cases_fail_is_a_bad_set() {
        let good = load(&[("a.cedar", PERMIT.as_bytes()), ("cases/a.toml", case("allow").as_bytes()), ("b.txt", b"not read")]);
        assert_eq!(good.unwrap().len(), 1);
        let large = vec![b' '; FILE_BYTES + 1];
        let denies = case("deny");
        let bad: [(Files<'_>, &str); 6] = [
            (&[("a.cedar", PERMIT.as_bytes()), ("cases/a.toml", denies.as_bytes())], "cases/a.toml:1: the case \"it connects\""),
            (
                &[("a.cedar", PERMIT.as_bytes()), ("cases/a.toml", b"[[case]]\nnmae = \"x\"\n")],
                "cases/a.toml:2: unknown key `nmae`",
            ),
            (&[("a.cedar", PERMIT.as_bytes()), ("cases/a.toml", b"[[case")], "cases/a.toml:1: "),
            (&[("a.cedar", b"permit (")], "a.cedar"),
            (&[("a.cedar", b"\xff")], "not UTF-8"),
            (&[("a.cedar", &large)], "more than 1048576 bytes"),
        ];
        for (files, words) in bad {
            let error = format!("{:#}", load(files).unwrap_err());
            assert!(error.contains(words), "{words}: {error}");
        }
    }

    #[test]
    fn cases_are_no_part_of_the_hash_and_no_folder_is_no_policy() {
        let with = load(&[("a.cedar", PERMIT.as_bytes()), ("cases/a.toml", case("allow").as_bytes())]).unwrap();
        let without = load(&[("a.cedar", PERMIT.as_bytes())]).unwrap();
        assert_eq!(with.hash(), without.hash());
        assert!(load_policy(Path::new("")).unwrap().0.is_empty());
        assert!(load_policy(Path::new("/nowhere/at/all")).is_err());
    }
}
