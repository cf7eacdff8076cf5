//! What is masked: the configured classes held against a target's catalog, the key of pseudonyms, and what is
//! remembered of both.
//!
//! `assigned` turns patterns into columns, `remembered` keeps what was classed through renames, `key` has the secret.

mod assigned;
mod key;
mod remembered;

pub use assigned::Assigned;
pub use key::KeyError;

use crate::catalog::Place;
use crate::config::{Config, MaskingSettings, UNCLASSED};
use crate::credential::Credentials;
use gateway_core::inspect::catalog::Catalog;
use gateway_core::mask::classes::Class;
use gateway_core::mask::{Key, Transform};
use gateway_core::protocol::masking::ClassMask;
use remembered::Remembered;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Databases whose columns are assigned at once; what is beyond is assigned anew each time.
const DATABASES: usize = 256;

/// A target, and a database there.
type Database = (Box<str>, Box<str>);

/// The classes of a configuration, for all of its targets.
#[derive(Debug)]
pub struct Masking {
    classes: Vec<Class>,
    masks: Vec<Arc<ClassMask>>,
    /// What looks through columns that have no class.
    unclassed: Option<Arc<ClassMask>>,
    settings: MaskingSettings,
    key: Arc<Key>,
    state_dir: PathBuf,
    known: Mutex<BTreeMap<Database, Known>>,
}

/// What was made of one catalog of a database.
#[derive(Debug)]
struct Known {
    catalog: Weak<Catalog>,
    assigned: Arc<Assigned>,
}

impl Masking {
    /// The classes of `config`. Where there are any, the key is read, or made where none is configured.
    ///
    /// # Errors
    /// When the key can't be read or made.
    pub fn open(config: &Config, credentials: &Credentials) -> Result<Self, KeyError> {
        let key = if config.classes.is_empty() {
            key::none()
        } else {
            match &config.masking.key {
                Some(source) => key::fetch(source, credentials)?,
                None => key::own(&config.state_dir)?,
            }
        };
        let masks =
            config.classes.iter().map(|class| ClassMask { class: (&*class.name).into(), transform: class.transform.clone() });
        let detector = config.masking.unclassed.as_ref().map(|unclassed| unclassed.detector.clone());
        let unclassed = detector.map(|detector| ClassMask { class: UNCLASSED.into(), transform: Transform::Detect(detector) });
        Ok(Self {
            masks: masks.map(Arc::new).collect(),
            unclassed: unclassed.map(Arc::new),
            classes: config.classes.clone(),
            settings: config.masking.clone(),
            key: Arc::new(key),
            state_dir: config.state_dir.clone(),
            known: Mutex::default(),
        })
    }

    /// `[masking]`.
    #[must_use]
    pub const fn settings(&self) -> &MaskingSettings {
        &self.settings
    }

    /// The key of pseudonyms.
    #[must_use]
    pub const fn key(&self) -> &Arc<Key> {
        &self.key
    }

    /// How the values of a class are hidden, by the class's place in the configuration.
    #[must_use]
    pub fn mask(&self, class: usize) -> Option<&Arc<ClassMask>> {
        self.masks.get(class)
    }

    /// Whether any class may have columns at this target, or detectors look through those that have none.
    #[must_use]
    pub fn concerns(&self, target: &str) -> bool {
        self.unclassed(target).is_some() || self.classes.iter().any(|class| class.is_of(target))
    }

    /// What looks through columns of a target that have no class.
    #[must_use]
    pub fn unclassed(&self, target: &str) -> Option<&Arc<ClassMask>> {
        self.unclassed.as_ref().filter(|_| self.settings.unclassed_at(target).is_some())
    }

    /// The classes of the columns of a database at `target`, by its catalog.
    ///
    /// # Errors
    /// When what was classed before can't be read, or what is classed now can't be kept.
    pub fn assigned(&self, target: &str, place: &Place, catalog: &Arc<Catalog>) -> Result<Arc<Assigned>, String> {
        let name = (Box::from(target), place.database.clone());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &&Known| known.catalog.upgrade().is_some_and(|kept| Arc::ptr_eq(&kept, catalog));
        if let Some(known) = known.get(&name).filter(same) {
            return Ok(Arc::clone(&known.assigned));
        }
        let mut remembered = Remembered::open(&self.state_dir, target, &place.database)?;
        let assigned = Arc::new(assigned::assign(&self.classes, target, catalog, &mut remembered, &self.settings.pure_functions));
        remembered.keep()?;
        if known.len() >= DATABASES && !known.contains_key(&name) {
            known.clear();
        }
        known.insert(name, Known { catalog: Arc::downgrade(catalog), assigned: Arc::clone(&assigned) });
        Ok(assigned)
    }
}
