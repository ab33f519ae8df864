//! What a hash works in, handed from one to the next.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::Block;

/// Address space taken for one: more than the C library ever keeps for itself (`M_MMAP_THRESHOLD` ends at 32 MiB,
/// mallopt(3)), so that what is let go of goes back to the system. Only what a hash touches takes memory.
const SPACE: usize = 33 * 1024;

/// The blocks of one hash, 1 KiB each.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// So many blocks; what is in them is of no meaning.
    pub(super) fn of(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.0.reserve_exact(count.max(SPACE) - self.0.len());
            self.0.resize(count, Block::new());
        }
        self.0.get_mut(..count).unwrap_or_default()
    }
}

/// Where memory waits for the next hash.
#[derive(Clone, Default)]
pub(super) struct Shelf(Arc<Mutex<Vec<Memory>>>);

impl Shelf {
    /// Memory of an earlier hash, or new.
    pub(super) fn take(&self) -> Memory {
        self.stored().pop().unwrap_or_default()
    }

    /// Keeps it if another hash follows; otherwise nothing is kept at all.
    pub(super) fn put_back(&self, memory: Memory, others_wait: bool) {
        let mut stored = self.stored();
        if others_wait {
            stored.push(memory);
        } else {
            stored.clear();
        }
    }

    fn stored(&self) -> std::sync::MutexGuard<'_, Vec<Memory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_kept_while_somebody_waits_and_no_longer() {
        let shelf = Shelf::default();
        let mut memory = shelf.take();
        assert_eq!(memory.of(8).len(), 8);
        shelf.put_back(memory, true);
        let kept = shelf.take();
        assert_eq!(kept.0.len(), 8);
        shelf.put_back(kept, true);
        shelf.put_back(Memory::default(), false);
        assert_eq!(shelf.take().0.len(), 0);
    }
}
