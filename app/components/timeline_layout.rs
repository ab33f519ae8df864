//! Where the labels of a time line go: pure arithmetic, without pictures.

/// Above the line stands what the provider states, below it what we saw ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Above the line.
    Above,
    /// Below the line.
    Below,
}

/// A place for a label: the side, and how many labels lie between it and the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Which side of the line.
    pub side: Side,
    /// 0 is next to the line.
    pub depth: u32,
}

/// A label that wants a place.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// Where its pole stands, from 0 to 1.
    pub share: f64,
    /// How long its longest line is.
    pub letters: usize,
    /// Which side it belongs to.
    pub side: Side,
}

/// The place of a label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flag {
    /// Its lane.
    pub lane: Lane,
    /// Whether the words stand right of the pole.
    pub leans_right: bool,
}

/// The narrowest width in which the line lies flat; in a wider one, labels only get more room.
const NARROWEST: f64 = 600.0;
/// Width of a letter at 13 px, generous.
const LETTER: f64 = 7.4;
/// Room around a label.
const ROOM: f64 = 20.0;

/// Gives each label the lane nearest to the line in which it meets no other and crosses no pole.
#[must_use]
pub fn lay_out(labels: &[Label]) -> Vec<Flag> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    // Labels lean to the middle; those nearest to it go first, so the poles of outer ones pass them outside.
    order.sort_by(|a, b| {
        let from_middle = |at: &usize| {
            labels
                .get(*at)
                .map_or(0.0, |label| (label.share - 0.5).abs())
        };
        from_middle(a).total_cmp(&from_middle(b))
    });
    let mut taken: Vec<(Lane, f64, f64)> = Vec::new();
    let mut flags = vec![
        Flag {
            lane: Lane {
                side: Side::Below,
                depth: 0
            },
            leans_right: true
        };
        labels.len()
    ];
    for at in order {
        let Some(label) = labels.get(at) else {
            continue;
        };
        let (leans_right, start, end) = extent(label);
        let mut lane = Lane {
            side: label.side,
            depth: 0,
        };
        while taken
            .iter()
            .any(|(other, s, e)| *other == lane && start < *e && *s < end)
        {
            lane.depth += 1;
        }
        taken.push((lane, start, end));
        if let Some(flag) = flags.get_mut(at) {
            *flag = Flag { lane, leans_right };
        }
    }
    flags
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a label has fewer than 2^53 letters"
)]
fn extent(label: &Label) -> (bool, f64, f64) {
    let pole = label.share * NARROWEST;
    let width = label.letters as f64 * LETTER + ROOM;
    if label.share < 0.5 {
        (true, pole, pole + width)
    } else {
        (false, pole - width, pole)
    }
}

/// Places along an upright line: proportional, but never closer than `step`. `shares` must rise.
#[must_use]
pub fn spread(shares: &[f64], length: f64, step: f64) -> Vec<f64> {
    let mut places: Vec<f64> = Vec::with_capacity(shares.len());
    let mut floor = f64::NEG_INFINITY;
    for share in shares {
        let place = (share * length).max(floor);
        floor = place + step;
        places.push(place);
    }
    // Push back up what ran over the end, as far as the neighbours allow.
    let mut ceiling = length;
    for place in places.iter_mut().rev() {
        *place = place.min(ceiling).max(0.0);
        ceiling = *place - step;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(share: f64, side: Side) -> Label {
        Label {
            share,
            letters: 12,
            side,
        }
    }

    #[test]
    fn labels_of_one_moment_take_different_lanes() {
        let flags = lay_out(&[
            label(0.0, Side::Below),
            label(0.01, Side::Below),
            label(1.0, Side::Below),
        ]);
        assert_eq!(flags[1].lane.depth, 0);
        assert_eq!(
            flags[0].lane.depth, 1,
            "the outer pole passes outside the inner label"
        );
        assert_eq!(flags[2].lane.depth, 0);
        assert!(flags[0].leans_right && !flags[2].leans_right);
    }

    #[test]
    fn labels_far_apart_share_a_lane() {
        let flags = lay_out(&[label(0.0, Side::Above), label(0.9, Side::Above)]);
        assert!(flags.iter().all(|flag| flag.lane.depth == 0));
    }

    #[test]
    fn upright_labels_keep_their_distance_and_stay_on_the_line() {
        let places = spread(&[0.0, 0.98, 0.99, 1.0], 200.0, 40.0);
        assert!(
            places.windows(2).all(|pair| pair[1] - pair[0] >= 39.999),
            "{places:?}"
        );
        assert!(places[3] <= 200.0);
        assert!(places[0] >= 0.0);
    }
}
