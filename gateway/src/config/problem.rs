//! What is wrong with a configuration file: where, and what to do about it.

use std::fmt;
use std::path::PathBuf;

/// Everything that is wrong with one file.
#[derive(Debug, thiserror::Error)]
pub struct Problems {
    /// The file.
    pub file: PathBuf,
    /// In the order of their place.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line and column, from 1; none where the file as a whole is meant.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(f, "{} {} in {}", count, if count == 1 { "problem" } else { "problems" }, self.file.display())?;
        for problem in &self.problems {
            write!(f, "\n  {}", self.file.display())?;
            if let Some((line, column)) = problem.place {
                write!(f, ":{line}:{column}")?;
            }
            write!(f, ": {}", problem.what)?;
            if !problem.hint.is_empty() {
                write!(f, "\n    hint: {}", problem.hint)?;
            }
        }
        Ok(())
    }
}
