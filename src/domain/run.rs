//! A run: one reading of a directory, the plan made of it, and how it was carried out.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{DirectoryId, PlanId, RunId};
use crate::reading::Told;

/// Where a run stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It waits for its turn.
    Queued,
    /// The source is read and the plan made. A run that is cut here begins anew.
    Planning,
    /// The plan waits for a person.
    Held,
    /// The plan is carried out. A run that is cut here goes on where it stopped.
    Applying,
    /// It is over, everything that was to be done was tried.
    Done,
    /// It is over and could not go on.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl RunState {
    /// Whether nothing happens in it any more. A held run is over for the machine: an approval makes another one.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(
            self,
            Self::Held | Self::Done | Self::Failed | Self::Cancelled
        )
    }
}

/// What a run is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Make a plan and show it.
    Plan,
    /// Make a plan and, if the guard lets it pass, carry it out.
    Sync,
    /// Carry out a plan that was made before.
    Apply,
    /// Make the plan that another mapping would lead to, and show it. Nobody can carry it out.
    WhatIf,
}

impl Wish {
    /// Whether accounts may change by it.
    #[must_use]
    pub const fn changes(self) -> bool {
        matches!(self, Self::Sync | Self::Apply)
    }
}

/// How far a run is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// People and groups read so far.
    pub read: u64,
    /// Steps of the plan so far; when it is made, all of them.
    pub planned: u64,
    /// Steps tried so far.
    pub tried: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// The last position that was tried; none: none was.
    pub reached: Option<i64>,
    /// Pages and questions that the source answered.
    pub calls: u64,
    /// How long it was read and planned, in milliseconds.
    pub planning_ms: u64,
    /// How long it was carried out, in milliseconds.
    pub applying_ms: u64,
    /// How much of the source was read; none: nothing was.
    pub told: Option<Told>,
}

/// One run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Of which directory.
    pub directory: DirectoryId,
    /// What it is asked to do.
    pub wish: Wish,
    /// Of whom alone, by the name they sign in with there; none: of everybody.
    pub person: Option<String>,
    /// Its plan, once there is one.
    pub plan: Option<PlanId>,
    /// Who or what started it.
    pub started_by: String,
    /// Where it stands.
    pub state: RunState,
    /// How far it is.
    pub progress: Progress,
    /// Why it could not go on: the error as people read it.
    pub problem: Option<String>,
    /// Whether somebody asked it to stop.
    pub cancel_asked: bool,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it last showed life.
    pub heartbeat_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}
