//! A list as the chunks of a file: page after page, oldest first, so that no list is ever in memory whole.

use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt as _};
use muster_domain::Error;
use muster_domain::listing::{At, Cursor, Direction, Page};
use muster_storage::Paging;

/// How a file of rows is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Comma-separated values (RFC 4180), formulas neutralised.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

impl Format {
    /// The format of this name in an address.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        match key {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::JsonLines),
            _ => None,
        }
    }

    /// The media type of the file.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::JsonLines => "application/jsonl; charset=utf-8",
        }
    }

    /// The ending of the file's name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}

/// Where a file stands.
enum Stage {
    Head,
    After(Option<Cursor>),
    Done,
}

/// The chunks: `head`, then every row of the list as `line` writes it, `rows` of them at once. `page` reads one page.
/// Ends with an error when a page cannot be read.
pub(crate) fn of<R, F, Fut, L>(
    head: String,
    rows: u64,
    page: F,
    line: L,
) -> impl Stream<Item = Result<String, Error>> + Send + 'static + use<R, F, Fut, L>
where
    R: Send + 'static,
    F: Fn(Paging<()>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Page<R>, Error>> + Send + 'static,
    L: Fn(&R) -> String + Send + Sync + 'static,
{
    let source = Arc::new((head, page, line));
    let chunks = stream::try_unfold(Stage::Head, move |stage| {
        let source = Arc::clone(&source);
        async move {
            let (head, page, line) = source.as_ref();
            let cursor = match stage {
                Stage::Done => return Ok(None),
                Stage::Head => return Ok(Some((head.clone(), Stage::After(None)))),
                Stage::After(cursor) => cursor,
            };
            let page = page(Paging {
                sort: (),
                direction: Direction::Asc,
                at: cursor.map_or(At::First, At::After),
                position: 0,
                rows,
            })
            .await?;
            let chunk: String = page.rows.iter().map(line).collect();
            let next = page
                .next
                .map_or(Stage::Done, |cursor| Stage::After(Some(cursor)));
            Ok::<_, Error>(Some((chunk, next)))
        }
    });
    chunks.filter(|chunk| {
        let kept = chunk.as_ref().map_or(true, |chunk| !chunk.is_empty());
        futures::future::ready(kept)
    })
}
