//! How a provider becomes a row: with its directory, its sealed secret, and what is learnt of it.

use muster_domain::calibration::{ASKING, Calibration};
use muster_domain::id::{DirectoryId, ProviderId};
use muster_domain::jit::JitRules;
use muster_domain::provider::{Provider, slug_of};
use muster_domain::role::Permission;
use muster_domain::settings::Values;
use muster_domain::{Error, Kind};
use muster_storage::{Place, Tx, directories, providers, ways_in as ways_in_rows};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::draft::{Draft, checked};
use super::request_key;
use crate::{Call, Services, lockout};

pub(super) fn place(provider: ProviderId) -> Place<'static> {
    Place {
        table: "identity_providers",
        column: "secret_sealed",
        id: provider.0,
    }
}

/// The directory for the accounts that sign-ins through a provider make, last in order.
pub(super) async fn directory(
    services: &Services,
    call: &Call,
    provider: &Provider,
) -> Result<directories::Directory, Error> {
    let all = directories::list(services.db()).await?;
    let taken = |name: &str| {
        all.iter()
            .any(|d| muster_domain::name::key(&d.name) == muster_domain::name::key(name))
    };
    let name = if taken(&provider.name) {
        format!("{} ({})", provider.name, provider.slug)
    } else {
        provider.name.clone()
    };
    Ok(directories::Directory {
        id: provider.directory,
        name,
        kind: "jit".to_owned(),
        position: all
            .iter()
            .map(|directory| directory.position)
            .max()
            .unwrap_or_default()
            + 1,
        enabled: true,
        settings: Values::new(),
        created_at: call.at,
        updated_at: call.at,
    })
}

pub(super) async fn insert(
    services: &Services,
    call: &Call,
    draft: &Draft,
    jit: JitRules,
    mut detail: serde_json::Value,
) -> Result<Provider, Error> {
    let kind = services.kind(&draft.kind)?;
    let settings = checked(kind, draft, None)?;
    let slug = if draft.slug.is_empty() {
        free_slug(services, &draft.name).await?
    } else {
        slug_of(&draft.slug)
    };
    if providers::by_slug(services.db(), &slug).await?.is_some() {
        return Err(Error::new(
            "IDP-004",
            Kind::Conflict,
            "A provider with this short name was connected meanwhile.",
        )
        .next("Begin again under Identity providers."));
    }
    let provider = Provider {
        id: services.id(),
        slug,
        name: draft.name.trim().to_owned(),
        vendor: draft.vendor,
        kind: draft.kind.clone(),
        enabled: true,
        settings,
        secret_is_set: draft.secret.is_some(),
        directory: services.id::<DirectoryId>(),
        domains: draft.domains.clone(),
        jit,
        calibration: Calibration::default(),
        created_at: call.at,
        updated_at: call.at,
    };
    let tx = services.db().begin().await?;
    directories::insert(&tx, &directory(services, call, &provider).await?).await?;
    let sealed = sealed(services, provider.id, draft.secret.as_ref())?;
    providers::insert(&tx, &provider, sealed).await?;
    request_key::ensure(services, call, &tx, kind, &provider).await?;
    if let Some(map) = detail.as_object_mut() {
        map.insert("slug".to_owned(), json!(provider.slug));
        map.insert("settings".to_owned(), json!(provider.settings));
    }
    tx.commit(&[call.event(
        "provider.create",
        &provider.name,
        Some(provider.id.0),
        detail,
    )])
    .await?;
    Ok(provider)
}

pub(super) async fn change(
    services: &Services,
    call: &Call,
    tx: Tx,
    mut provider: Provider,
    draft: &Draft,
    jit: Option<JitRules>,
    mut detail: serde_json::Value,
) -> Result<Provider, Error> {
    let kind = services.kind(&draft.kind)?;
    let settings = checked(kind, draft, Some(&provider))?;
    let ways_in = lockout::before(services, &tx).await?;
    let another_connection = provider.settings != settings;
    let before = json!({"name": provider.name, "vendor": provider.vendor, "settings": provider.settings, "domains": provider.domains, "jit": provider.jit});
    let answers_differ = provider.settings != settings
        || provider.domains != draft.domains
        || provider.vendor != draft.vendor;
    if answers_differ || draft.secret.is_some() {
        confers_no_role(&tx, call, &provider.jit).await?;
    }
    let differs = |key: &str| provider.settings.get(key) != settings.get(key);
    let another_issuer = differs("issuer");
    let asked_otherwise = ASKING.into_iter().any(differs);
    if another_issuer && provider.secret_is_set && draft.secret.is_none() {
        return Err(Error::form(Vec::new())
            .field("client_secret", "Enter the client secret of the new issuer. The stored one was given for the old issuer and is shown to no other."));
    }
    if asked_otherwise {
        // Another issuer is another provider behind the same name, and another client or another question may be
        // answered in another way: what was learnt before is void. Its probes stay on record.
        provider.calibration = Calibration::anew(call.at);
        providers::set_calibration(&tx, provider.id, &provider.calibration).await?;
    }
    provider.name = draft.name.trim().to_owned();
    provider.vendor = draft.vendor;
    provider.settings = settings;
    provider.domains.clone_from(&draft.domains);
    provider.jit = jit.unwrap_or(provider.jit);
    let after = json!({"name": provider.name, "vendor": provider.vendor, "settings": provider.settings, "domains": provider.domains, "jit": provider.jit});
    let another_secret = is_another(services, &tx, provider.id, draft.secret.as_ref()).await?;
    let another_key = request_key::ensure(services, call, &tx, kind, &provider).await?;
    if before == after && !another_secret && !another_key {
        tx.rollback().await?;
        return Ok(provider);
    }
    provider.updated_at = call.at;
    if another_secret && let Some(sealed) = sealed(services, provider.id, draft.secret.as_ref())? {
        providers::set_secret(&tx, provider.id, Some(sealed), call.at).await?;
        provider.secret_is_set = true;
    }
    providers::update(&tx, &provider).await?;
    if another_connection || another_secret {
        // Whether people get in through it is to be seen anew.
        ways_in_rows::changed(&tx, provider.id, call.at).await?;
        ways_in.holds(&tx).await?;
    }
    if let Some(map) = detail.as_object_mut() {
        map.insert("before".to_owned(), before);
        map.insert("after".to_owned(), after);
        map.insert("secret_replaced".to_owned(), json!(another_secret));
    }
    tx.commit(&[call.event(
        "provider.update",
        &provider.name,
        Some(provider.id.0),
        detail,
    )])
    .await?;
    Ok(provider)
}

/// Whether a secret is given and differs from the stored one: giving the same again changes nothing.
pub(super) async fn is_another(
    services: &Services,
    tx: &Tx,
    provider: ProviderId,
    given: Option<&SecretString>,
) -> Result<bool, Error> {
    let Some(given) = given else { return Ok(false) };
    let Some(stored) = providers::secret(tx, provider).await? else {
        return Ok(true);
    };
    // One that cannot be opened any more is replaced.
    let Ok(stored) = services.sealer().open(&stored, place(provider)) else {
        return Ok(true);
    };
    let same = stored
        .expose_secret()
        .as_bytes()
        .ct_eq(given.expose_secret().as_bytes());
    Ok(!bool::from(same))
}

pub(super) fn sealed(
    services: &Services,
    provider: ProviderId,
    secret: Option<&SecretString>,
) -> Result<Option<String>, Error> {
    secret
        .map(|secret| {
            services
                .sealer()
                .seal(secret.expose_secret(), place(provider), services.entropy())
        })
        .transpose()
}

pub(super) async fn free_slug(services: &Services, name: &str) -> Result<String, Error> {
    let wanted = slug_of(name);
    for n in 1..100 {
        let slug = if n == 1 {
            wanted.clone()
        } else {
            format!("{wanted}-{n}")
        };
        if providers::by_slug(services.db(), &slug).await?.is_none() {
            return Ok(slug);
        }
    }
    Err(Error::new(
        "IDP-003",
        Kind::Conflict,
        "Too many providers have this name.",
    )
    .field("name", "Choose another name."))
}

/// Rules that put people into a group which carries a role grant that role, and whoever alters such rules or who
/// answers to them decides who gets it: that takes the right to grant it.
pub(super) async fn confers_no_role(tx: &Tx, call: &Call, jit: &JitRules) -> Result<(), Error> {
    if call.can(Permission::ManageRoles) {
        return Ok(());
    }
    let carrying = crate::roles::privileged_group_names(tx).await?;
    let listed = jit.managed_groups.iter().chain(&jit.default_groups);
    for pattern in listed {
        if let Some(group) = carrying
            .iter()
            .find(|group| muster_domain::jit::pattern_matches(pattern, group))
        {
            return Err(Error::new(
                "JIT-020",
                Kind::Forbidden,
                format!("The group “{group}” carries a role, and this provider's rules fill it."),
            )
            .next("Ask a superadmin to make this change, or leave the group out of the rules."));
        }
    }
    Ok(())
}
