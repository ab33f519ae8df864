//! Addresses of script and stylesheet, as pages link them.

use std::fmt;
use std::sync::Arc;

type Lookup = dyn Fn(&str) -> String + Send + Sync;

/// Addresses of the assets: each changes with the content, so browsers keep them for ever.
#[derive(Clone)]
pub struct AssetUrls {
    /// The stylesheet.
    pub css: Arc<str>,
    /// The script that starts the browser part.
    pub js: Arc<str>,
    /// The browser part.
    pub wasm: Arc<str>,
    lookup: Arc<Lookup>,
}

impl AssetUrls {
    /// Takes a function from a path in the site (`/style.css`) to its address.
    pub fn new(lookup: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self {
            css: lookup("/style.css").into(),
            js: lookup("/pkg/muster.js").into(),
            wasm: lookup("/pkg/muster_bg.wasm").into(),
            lookup: Arc::new(lookup),
        }
    }

    /// The address of any other file of the site, such as `/favicon.svg`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        (self.lookup)(path)
    }
}

impl fmt::Debug for AssetUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssetUrls")
            .field("css", &self.css)
            .field("js", &self.js)
            .finish_non_exhaustive()
    }
}
