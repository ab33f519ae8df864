//! The installation and the people in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::TimeDelta;
use muster_directories::LdapKind;
use muster_domain::credential::{Imprint, PasswordChecked};
use muster_domain::factor::Enrolled;
use muster_domain::id::{AssignmentId, UserId};
use muster_domain::membership::Member;
use muster_domain::opener::Openers;
use muster_domain::policy::ElevationPolicy;
use muster_domain::role::Role;
use muster_domain::session::{Elevation, Means, Proof, Session, SessionKey, Terms};
use muster_domain::{Clock, Error, Kind};
use muster_services::hashing::Hashing;
use muster_services::roles::Declared;
use muster_services::users::{Fields, checked_fields};
use muster_services::{Call, Parts, Services, Who, roles, users};
use muster_storage::sessions::{self, keys};
use muster_storage::{
    Db, OpenOptions, Quiet, SeaOrmSessionStore, Sealer, credentials, elevations, subjects,
};
use secrecy::{ExposeSecret as _, SecretString};
use tower_sessions::SessionStore as _;
use tower_sessions::session::{Id, Record};

use crate::{FakeDirectory, FakeIdp, FakePostman, FixedClock, SeededEntropy};

/// A fresh installation. Its folder goes away with it.
pub struct TestWorld {
    /// The use cases, plugged together.
    pub services: Services,
    /// The clock; it stands still until it is moved.
    pub clock: Arc<FixedClock>,
    /// Randomness that repeats.
    pub entropy: Arc<SeededEntropy>,
    /// The identity provider behind every configured provider of the kind `oidc`.
    pub idp: Arc<FakeIdp>,
    /// The mail server behind whatever is entered as one.
    pub mail: Arc<FakePostman>,
    /// The source behind every directory of the kind [`FakeDirectory::KIND`].
    pub source: Arc<FakeDirectory>,
    key_file: SecretString,
    folder: PathBuf,
    url: String,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Persona {
    /// Who.
    pub id: UserId,
    /// Their username.
    pub username: String,
    /// Their calls.
    pub call: Call,
}

impl TestWorld {
    /// An installation with an empty, migrated SQLite database in a folder of its own.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub async fn new() -> Result<Self, Error> {
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("muster-test-{}-{number}", std::process::id()));
        let unusable = |error: std::io::Error| {
            Error::new(
                "TEST-001",
                Kind::Internal,
                "The test's folder cannot be made.",
            )
            .internal(error)
        };
        std::fs::create_dir_all(&folder).map_err(unusable)?;
        Self::within(folder.clone(), address(&folder)).await
    }

    /// The same with a database that is there already: its address.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub async fn over(url: &str) -> Result<Self, Error> {
        let folder = std::env::temp_dir().join("muster-test-without-a-folder");
        Self::within(folder, url.to_owned()).await
    }

    async fn within(folder: PathBuf, url: String) -> Result<Self, Error> {
        let db = Db::open(&url).await?;
        db.migrate().await?;
        let clock = Arc::new(FixedClock::default());
        let entropy = Arc::new(SeededEntropy::new(42));
        let (sealer, key_file) = Sealer::generate(entropy.as_ref())?;
        let idp = Arc::new(FakeIdp::new(clock.clone()));
        let mail = Arc::new(FakePostman::default());
        let source = Arc::new(FakeDirectory::default());
        let services = plugged(db, &clock, &entropy, sealer, &idp, &mail, &source)?;
        Ok(Self {
            url,
            source,
            services,
            clock,
            entropy,
            idp,
            mail,
            key_file,
            folder,
        })
    }

    /// The same installation on a disk that is full: its database cannot grow by a page.
    ///
    /// # Errors
    /// Why the database cannot be opened again.
    pub async fn on_a_full_disk(&self) -> Result<Services, Error> {
        let full = OpenOptions {
            max_pages: Some(1),
            ..OpenOptions::default()
        };
        let db = Db::open_with(&address(&self.folder), full).await?;
        let sealer = Sealer::from_key_file_text(self.key_file.expose_secret())?;
        plugged(
            db,
            &self.clock,
            &self.entropy,
            sealer,
            &self.idp,
            &self.mail,
            &self.source,
        )
    }

    /// The same installation on another node: the same database, the same people.
    ///
    /// # Errors
    /// Why the database cannot be opened again.
    pub async fn another_node(&self) -> Result<Services, Error> {
        let db = Db::open(&self.url).await?;
        let sealer = Sealer::from_key_file_text(self.key_file.expose_secret())?;
        plugged(
            db,
            &self.clock,
            &self.entropy,
            sealer,
            &self.idp,
            &self.mail,
            &self.source,
        )
    }

    /// Every byte that the installation keeps.
    #[must_use]
    pub fn raw(&self) -> Vec<u8> {
        let files = std::fs::read_dir(&self.folder).into_iter().flatten();
        files
            .flatten()
            .flat_map(|file| std::fs::read(file.path()).unwrap_or_default())
            .collect()
    }

    /// A call by a part of the program.
    #[must_use]
    pub fn system(&self) -> Call {
        Call::system("test", self.clock.now())
    }

    /// A call by nobody.
    #[must_use]
    pub fn anonymous(&self) -> Call {
        Call {
            who: Who::Anonymous,
            ..self.system()
        }
    }

    /// Makes somebody with an internal account and these roles, and signs them in.
    ///
    /// # Errors
    /// When the username is taken.
    pub async fn persona(&self, username: &str, roles: &[Role]) -> Result<Persona, Error> {
        let id = self.user(username).await?;
        for role in roles {
            self.grant(*role, Member::User(id)).await?;
        }
        self.sign_in(id, username).await
    }

    /// Makes somebody with an internal account who is not signed in.
    ///
    /// # Errors
    /// When the username is taken.
    pub async fn user(&self, username: &str) -> Result<UserId, Error> {
        let fields: Fields =
            checked_fields(username, username, &format!("{username}@example.com"))?;
        users::create(&self.services, &self.system(), &fields, None).await
    }

    /// Grants a role as the command line would; gives the grant.
    ///
    /// # Errors
    /// When it is granted already.
    pub async fn grant(&self, role: Role, to: Member) -> Result<AssignmentId, Error> {
        let call = self.system();
        let tx = self.services.db().begin().await?;
        let event = roles::declare(&self.services, &call, &tx, Declared::Grant(role, to)).await?;
        tx.commit(&[event]).await?;
        let rows = muster_storage::roles::list(self.services.db()).await?;
        rows.into_iter()
            .map(|row| row.assignment)
            .find(|grant| grant.role == role && grant.principal == to)
            .map(|grant| grant.id)
            .ok_or_else(|| Error::not_found("grant"))
    }

    /// Signs somebody in: a stored browser session, and calls in it.
    ///
    /// # Errors
    /// Why it cannot be stored.
    pub async fn sign_in(&self, id: UserId, username: &str) -> Result<Persona, Error> {
        self.sign_in_by(id, username, &Means::Password).await
    }

    /// Signs somebody in by these means: a stored browser session, and calls in it.
    ///
    /// # Errors
    /// Why it cannot be stored.
    pub async fn sign_in_by(
        &self,
        id: UserId,
        username: &str,
        means: &Means,
    ) -> Result<Persona, Error> {
        self.sign_in_as(id, username, means, None).await
    }

    /// The same with the id of the session at the provider, or a list of them.
    ///
    /// # Errors
    /// Why it cannot be stored.
    pub async fn sign_in_as(
        &self,
        id: UserId,
        username: &str,
        means: &Means,
        sid: Option<serde_json::Value>,
    ) -> Result<Persona, Error> {
        let store = SeaOrmSessionStore::new(self.services.db().clone(), self.clock.clone());
        let now = self.clock.now();
        let opened_by = self.opened_by(id, means).await?;
        let stored = credentials::password(self.services.db(), id).await?;
        let stored = stored.filter(|_| *means == Means::Password);
        let means = serde_json::to_value(means).unwrap_or_default();
        let lasts = (now + TimeDelta::hours(8)).timestamp();
        let mut number = [0_u8; 16];
        muster_domain::Entropy::fill(self.entropy.as_ref(), &mut number);
        let mut record = Record {
            id: Id(i128::from_le_bytes(number)),
            data: std::collections::HashMap::from([
                (keys::USER.to_owned(), id.to_string().into()),
                (keys::SIGNED_IN_AT.to_owned(), now.timestamp_millis().into()),
                (keys::MEANS.to_owned(), means),
            ]),
            expiry_date: time::OffsetDateTime::from_unix_timestamp(lasts)
                .unwrap_or(time::OffsetDateTime::UNIX_EPOCH),
        };
        if !opened_by.is_nobody() {
            let openers = serde_json::to_value(opened_by).unwrap_or_default();
            record.data.insert(keys::OPENED_BY.to_owned(), openers);
        }
        if let Some(stored) = stored {
            let compared = serde_json::to_value(stored.imprint()).unwrap_or_default();
            record.data.insert(keys::CHECKED.to_owned(), compared);
        }
        if let Some(sid) = sid {
            record.data.insert(keys::SID.to_owned(), sid);
        }
        store.create(&mut record).await.map_err(|error| {
            Error::new("TEST-002", Kind::Internal, "The session cannot be stored.").internal(error)
        })?;
        let key = sessions::key_of(&record.id.to_string());
        Ok(Persona {
            id,
            username: username.to_owned(),
            call: self.call_in(&key).await?,
        })
    }

    /// Who else could come in as this person by these means, as the sign-in itself tells.
    async fn opened_by(&self, id: UserId, means: &Means) -> Result<Openers, Error> {
        let db = self.services.db();
        Ok(match means {
            Means::Password => credentials::password(db, id)
                .await?
                .map(|password| password.opened_by),
            Means::Provider {
                provider,
                issuer,
                subject,
                ..
            } => subjects::find(db, *provider, issuer, subject)
                .await?
                .map(|known| known.opened_by),
            Means::Directory { .. } => None,
        }
        .unwrap_or_default())
    }

    /// A call in a stored browser session, with everything as it is stored now.
    ///
    /// # Errors
    /// `WEB-401` when nobody is signed in there any more.
    pub async fn call_in(&self, key: &SessionKey) -> Result<Call, Error> {
        let now = self.clock.now();
        let found = sessions::load_signed_in(self.services.db(), key, now).await?;
        let signed_in = found
            .filter(|found| found.user.is_active())
            .ok_or_else(|| {
                Error::new("WEB-401", Kind::SignInNeeded, "Nobody is signed in there.")
            })?;
        Ok(Call {
            who: Who::Person(Box::new(signed_in)),
            ..self.system()
        })
    }

    /// Changes the id of somebody's browser session, as it happens when a secure session is granted: the old name is
    /// nobody's from then on. Gives the new name.
    ///
    /// # Errors
    /// Why it cannot be stored.
    pub async fn rotate(&self, persona: &Persona) -> Result<SessionKey, Error> {
        let session = &persona.call.signed_in()?.session;
        let means = session.means.clone();
        let after = self
            .sign_in_by(persona.id, &persona.username, &means)
            .await?;
        let tx = self.services.db().begin().await?;
        sessions::revoke(&tx, &session.key).await?;
        tx.commit_quiet(Quiet::SessionData).await?;
        Ok(after.call.signed_in()?.session.key.clone())
    }

    /// The same person in a secure session, by their password. `call.elevated()` gives what sensitive services demand.
    ///
    /// # Errors
    /// Why it cannot be stored.
    pub async fn elevate(&self, persona: &Persona) -> Result<Persona, Error> {
        let session: &Session = &persona.call.signed_in()?.session;
        let known_to = self.opened_by(persona.id, &Means::Password).await?;
        let stored = credentials::password(self.services.db(), persona.id).await?;
        let imprint = Imprint::of(stored.as_ref().map_or("", |stored| stored.phc.as_str()));
        let witness = PasswordChecked::witness(persona.id, known_to, imprint);
        let proof = Proof::password(session, witness, self.clock.now())
            .ok_or_else(|| Error::not_found("session"))?;
        let terms = Terms {
            policy: &ElevationPolicy::default(),
            enrolled: Enrolled::No,
            network: "",
        };
        let elevation = Elevation::earn(self.services.id(), proof, session.key.clone(), terms)
            .ok_or_else(|| Error::not_found("secure session"))?;
        let tx = self.services.db().begin().await?;
        elevations::insert(&tx, &elevation).await?;
        tx.commit_quiet(Quiet::SessionData).await?;
        let call = self.call_in(&session.key).await?;
        Ok(Persona {
            call,
            ..persona.clone()
        })
    }

    /// The person's calls with roles and secure session as they are stored now.
    ///
    /// # Errors
    /// `WEB-401` when their session was ended.
    pub async fn again(&self, persona: &Persona) -> Result<Persona, Error> {
        let key = persona.call.signed_in()?.session.key.clone();
        let call = self.call_in(&key).await?;
        Ok(Persona {
            call,
            ..persona.clone()
        })
    }
}

fn address(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("muster.db").display())
}

fn plugged(
    db: Db,
    clock: &Arc<FixedClock>,
    entropy: &Arc<SeededEntropy>,
    sealer: Sealer,
    idp: &Arc<FakeIdp>,
    mail: &Arc<FakePostman>,
    source: &Arc<FakeDirectory>,
) -> Result<Services, Error> {
    Ok(Services::new(Parts {
        db,
        clock: clock.clone(),
        entropy: entropy.clone(),
        sealer,
        kinds: vec![idp.clone()],
        directories: vec![
            Arc::new(LdapKind::with_clock(clock.clone())),
            source.clone(),
        ],
        postman: mail.clone(),
        hashing: Hashing::new(1, entropy.as_ref())?,
        fixed_url: None,
        listen: std::net::SocketAddr::from(([127, 0, 0, 1], 3000)),
    }))
}

impl Drop for TestWorld {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
