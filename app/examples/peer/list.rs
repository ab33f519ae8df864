//! The questions behind the list of users, without the page around them.

use std::time::Instant;

use muster_domain::listing::At;
use muster_storage::users::{self, UserFilter, UserSort};
use muster_storage::{Db, Paging};

use crate::{Failure, say};

/// Times asked per question.
const TIMES: usize = 200;

/// Asks for the first page, the last page and each search by turns; tells each question's milliseconds, sorted, one
/// JSON array a line.
pub(crate) async fn time(database: &str, searches: &[&str]) -> Result<(), Failure> {
    let db = Db::open(database).await?;
    let all = UserFilter::default;
    let mut questions = vec![
        (all(), Paging::at(At::First, 0)),
        (all(), Paging::at(At::Last, 0)),
    ];
    for search in searches {
        let filter = UserFilter {
            q: Some((*search).to_owned()),
            ..all()
        };
        questions.push((filter, Paging::at(At::First, 0)));
    }
    let mut times = vec![Vec::with_capacity(TIMES); questions.len()];
    for _ in 0..TIMES {
        for ((filter, paging), times) in questions.iter().zip(&mut times) {
            times.push(ask(&db, filter, paging).await?);
        }
    }
    for mut times in times {
        times.sort_by(f64::total_cmp);
        say(serde_json::to_string(&times)?)?;
    }
    Ok(())
}

async fn ask(db: &Db, filter: &UserFilter, paging: &Paging<UserSort>) -> Result<f64, Failure> {
    let start = Instant::now();
    std::hint::black_box(users::list(db, filter, paging).await?);
    Ok(start.elapsed().as_secs_f64() * 1000.0)
}
