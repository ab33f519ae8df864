//! What is found by a [`Key`], which is a hash already: it is not hashed once more.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use super::subjects::Key;

/// By key.
pub(super) type KeyMap<T> = HashMap<Key, T, BuildHasherDefault<Half>>;
/// Keys.
pub(super) type KeySet = HashSet<Key, BuildHasherDefault<Half>>;

/// Half of a key. Nobody who does not know the salt of the reading can make two keys whose halves fall together.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Half(u64);

impl Hasher for Half {
    fn write_u128(&mut self, key: u128) {
        self.0 = u64::try_from(key >> 64).unwrap_or_default();
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
