//! People who are brought up to date when they sign in: by their directory's word, in its time, and never silently not.

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::DirectoryId;
use muster_domain::jit::JitRules;
use muster_domain::mapping::{Expression, How, Mapping, Rule, When};
use muster_domain::record::{Attributes, ExternalId, UserRecord};
use muster_domain::run::{RunState, Wish};
use muster_domain::settings::Values;
use muster_domain::snapshot::{Entry, RefusedRecord};
use muster_domain::user::User;
use muster_services::password::{self, Entered};
use muster_services::provisioning;
use muster_services::second_step::{self, Half};
use muster_services::sync::runs;
use muster_storage::directories::{self, Directory};
use muster_storage::sign_ins::{self, SignInFilter};
use muster_storage::{Paging, Quiet, accounts, users};
use muster_testing::{FakeDirectory, Says};

use crate::factor::{PASSWORD, add};
use crate::stage::Stage;

fn record(title: &str, active: bool) -> Entry {
    Entry::User {
        record: UserRecord {
            external_id: ExternalId("id-ada".to_owned()),
            attributes: attributes(title),
            active,
        },
        source: Default::default(),
        locators: Vec::new(),
    }
}

fn attributes(title: &str) -> Attributes {
    Attributes::from([
        ("username".to_owned(), "ada".to_owned()),
        ("title".to_owned(), title.to_owned()),
    ])
}

struct Scene {
    stage: Stage,
    directory: DirectoryId,
}

impl Scene {
    /// Ada came through `corp` and has an account of a directory, which stands first.
    async fn set() -> Self {
        let stage = Stage::with(JitRules::default()).await;
        let ada = stage.person("ada", &[]).await;
        let (services, call) = (stage.s(), stage.world.system());
        let settings = [("at_sign_in", "on"), ("at_sign_in_seconds", "1")];
        let settings: Values = settings
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        let directory = Directory {
            id: services.id(),
            name: "Office".to_owned(),
            kind: FakeDirectory::KIND.to_owned(),
            position: -100,
            enabled: true,
            settings,
            created_at: call.at,
            updated_at: call.at,
        };
        let tx = services.db().begin().await.unwrap();
        directories::insert(&tx, &directory).await.unwrap();
        let account = Action::UpdateAccount {
            user: ada.id,
            directory: directory.id,
            external_id: ExternalId("id-ada".to_owned()),
            attributes: attributes("Clerk"),
        };
        let change = Change::new(account, Cause::ByHand);
        let events = provisioning::apply(services, &call, &tx, &[change])
            .await
            .unwrap();
        tx.commit(&events).await.unwrap();
        stage.world.source.says(vec![vec![record("Clerk", true)]]);
        Self {
            directory: directory.id,
            stage,
        }
    }

    fn says(&self, title: &str, active: bool) {
        self.stage
            .world
            .source
            .says(vec![vec![record(title, active)]]);
    }

    /// Signs Ada in through `corp`; the code of a refusal.
    async fn signs_in(&self) -> &'static str {
        let claims = self.stage.claims("ada", 60);
        match self.stage.signs_in("corp", Says::Claims(claims)).await {
            Ok(_) => "in",
            Err(error) => error.code,
        }
    }

    async fn title(&self) -> String {
        let id = ExternalId("id-ada".to_owned());
        let db = self.stage.s().db();
        let account = accounts::by_external(db, self.directory, &id).await;
        account.unwrap().unwrap().attributes["title"].clone()
    }

    async fn ada(&self) -> User {
        let found = users::by_username(self.stage.s().db(), "ada").await;
        found.unwrap().unwrap()
    }

    /// What the newest sign-in's record tells.
    async fn notes(&self) -> Vec<String> {
        let filter = SignInFilter::default();
        let paging = Paging {
            rows: 1,
            direction: muster_domain::listing::Direction::Desc,
            ..Paging::default()
        };
        let page = sign_ins::list(self.stage.s().db(), &filter, &paging).await;
        page.unwrap().rows.remove(0).notes
    }
}

#[tokio::test]
async fn whoever_signs_in_is_brought_up_to_date_before_the_session_begins() {
    let scene = Scene::set().await;
    assert_eq!(scene.signs_in().await, "in");
    let before = muster_storage::runs::list(scene.stage.s().db(), None, None, 10).await;
    assert_eq!(before.unwrap(), [], "nothing differed: no run");
    scene.says("Lead", true);
    let asked = scene.stage.world.source.questions();
    assert_eq!(scene.signs_in().await, "in");
    assert_eq!(scene.title().await, "Clerk");
    assert_eq!(
        scene.stage.world.source.questions(),
        asked,
        "once a minute at most"
    );
    scene.stage.forward(61);
    assert_eq!(scene.signs_in().await, "in");
    assert_eq!(scene.title().await, "Lead");
    assert!(
        scene
            .notes()
            .await
            .iter()
            .all(|note| !note.contains("Office"))
    );
    let rows = muster_storage::runs::list(scene.stage.s().db(), None, None, 10)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    let run = &rows[0];
    assert_eq!(
        (run.state, run.person.as_deref()),
        (RunState::Done, Some("ada"))
    );
    assert_eq!(run.started_by, "sign-in");
}

#[tokio::test]
async fn whoever_is_switched_off_over_there_stays_out() {
    let scene = Scene::set().await;
    scene.says("Clerk", false);
    assert_eq!(scene.signs_in().await, "JIT-001");
    assert!(!scene.ada().await.is_active());
}

#[tokio::test]
async fn a_directory_in_shadow_is_not_asked_and_keeps_nobody_out() {
    let scene = Scene::set().await;
    let tx = scene.stage.s().db().begin().await.unwrap();
    let found = directories::get(&tx, scene.directory).await.unwrap();
    let mut directory = found.unwrap();
    let (key, value) = ("shadow".to_owned(), "on".to_owned());
    directory.settings.insert(key, value);
    directories::update(&tx, &directory).await.unwrap();
    tx.commit_quiet(Quiet::Working).await.unwrap();
    scene.says("Lead", false);
    assert_eq!(scene.signs_in().await, "in");
    assert_eq!(scene.stage.world.source.questions(), 0);
    assert_eq!(scene.title().await, "Clerk");
}

#[tokio::test]
async fn one_in_shadow_before_it_leads_nobody_at_sign_in() {
    let scene = Scene::set().await;
    let (services, call) = (scene.stage.s(), scene.stage.world.system());
    let known = directories::get(services.db(), scene.directory).await;
    let mut next = known.unwrap().unwrap();
    next.id = services.id();
    next.name = "Next".to_owned();
    next.position = -200;
    let (key, value) = ("shadow".to_owned(), "on".to_owned());
    next.settings.insert(key, value);
    let tx = services.db().begin().await.unwrap();
    directories::insert(&tx, &next).await.unwrap();
    let account = Action::UpdateAccount {
        user: scene.ada().await.id,
        directory: next.id,
        external_id: ExternalId("next-ada".to_owned()),
        attributes: attributes("Clerk"),
    };
    let change = Change::new(account, Cause::ByHand);
    let events = provisioning::apply(services, &call, &tx, &[change]).await;
    tx.commit(&events.unwrap()).await.unwrap();
    // A run that waits keeps hers from being carried out: by its word alone she stays out.
    scene.says("Clerk", false);
    let open = runs::ask(services, &call, scene.directory, Wish::Plan).await;
    open.unwrap();
    assert_eq!(scene.signs_in().await, "JIT-001");
    assert!(scene.ada().await.is_active(), "it is not carried out yet");
}

#[tokio::test]
async fn whoever_is_switched_off_stays_out_while_a_sync_keeps_the_run_waiting() {
    let scene = Scene::set().await;
    scene.says("Clerk", false);
    let call = scene.stage.world.system();
    let open = runs::ask(scene.stage.s(), &call, scene.directory, Wish::Plan).await;
    open.unwrap();
    assert_eq!(scene.signs_in().await, "JIT-001");
    assert!(scene.ada().await.is_active(), "it is not carried out yet");
    assert_eq!(
        scene.signs_in().await,
        "JIT-001",
        "nor a moment later, unasked"
    );
    let told = &scene.stage.record("signin.account.old").await[0].event;
    assert!(told.detail["why"].as_str().unwrap().contains("RUN-001"));
}

#[tokio::test]
async fn a_directory_that_does_not_answer_in_time_keeps_nobody_out_and_that_is_told() {
    let scene = Scene::set().await;
    scene.stage.world.source.hangs_after(0);
    assert_eq!(scene.signs_in().await, "in");
    let notes = scene.notes().await.join(" ");
    assert!(
        notes.contains("Office: it did not answer within 1 second"),
        "{notes}"
    );
    assert_eq!(scene.stage.record("signin.account.old").await.len(), 1);
    scene.stage.world.source.goes_on();
    scene.stage.forward(61);
    scene.stage.world.source.says(Vec::new());
    assert_eq!(scene.signs_in().await, "in");
    let notes = scene.notes().await.join(" ");
    assert!(notes.contains("nobody of the name ada"), "{notes}");
    assert!(
        scene.ada().await.is_active(),
        "who is absent is not kept out by that"
    );
}

fn refused(off: bool) -> Entry {
    Entry::Refused(RefusedRecord {
        external_id: Some(ExternalId("id-ada".to_owned())),
        about: "ada".to_owned(),
        why: "“title” is longer than 4096 bytes.".to_owned(),
        locators: Vec::new(),
        off,
    })
}

#[tokio::test]
async fn whoever_is_switched_off_stays_out_although_their_record_is_refused() {
    let scene = Scene::set().await;
    scene.stage.world.source.says(vec![vec![refused(true)]]);
    assert_eq!(scene.signs_in().await, "JIT-001");
    assert!(!scene.ada().await.is_active(), "it was carried out");
    let rows = muster_storage::runs::list(scene.stage.s().db(), None, None, 10).await;
    let run = rows.unwrap().remove(0);
    assert_eq!(
        (run.state, run.progress.planned),
        (RunState::Done, 1),
        "{:?}",
        run.problem
    );
    assert_eq!(
        scene.title().await,
        "Clerk",
        "nothing else of it is followed"
    );
}

#[tokio::test]
async fn whoever_is_switched_off_stays_out_although_the_mapping_fails_on_their_record() {
    let scene = Scene::set().await;
    let rule = Rule {
        attribute: "title".to_owned(),
        how: How::Expression(Expression("source.nothing[0]".to_owned())),
        when: When::Always,
    };
    let mapping = Mapping {
        rules: vec![rule],
        ..Mapping::default()
    };
    let tx = scene.stage.s().db().begin().await.unwrap();
    let now = scene.stage.now();
    let put = muster_storage::mappings::put(&tx, scene.directory, &mapping, 0, now).await;
    assert!(put.unwrap());
    tx.commit_quiet(muster_storage::Quiet::Counted)
        .await
        .unwrap();
    scene.says("Clerk", true);
    assert_eq!(scene.signs_in().await, "in", "refused, and on");
    let notes = scene.notes().await.join(" ");
    assert!(
        notes.contains("Office: its record there cannot be used"),
        "{notes}"
    );
    scene.stage.forward(61);
    scene.says("Clerk", false);
    assert_eq!(scene.signs_in().await, "JIT-001");
    assert!(!scene.ada().await.is_active(), "it was carried out");
}

#[tokio::test]
async fn a_record_that_is_refused_keeps_nobody_else_out_and_nobody_who_is_on() {
    let scene = Scene::set().await;
    scene.stage.world.source.says(vec![vec![refused(false)]]);
    assert_eq!(scene.signs_in().await, "in");
    let notes = scene.notes().await.join(" ");
    assert!(
        notes.contains("Office: its record there cannot be used"),
        "{notes}"
    );
    scene.stage.forward(61);
    let Entry::Refused(record) = refused(true) else {
        unreachable!("it is one")
    };
    let another = RefusedRecord {
        external_id: Some(ExternalId("id-another".to_owned())),
        ..record
    };
    scene
        .stage
        .world
        .source
        .says(vec![vec![Entry::Refused(another)]]);
    assert_eq!(scene.signs_in().await, "in");
    let notes = scene.notes().await.join(" ");
    assert!(
        notes.contains("somebody else bears the name ada"),
        "{notes}"
    );
    assert!(scene.ada().await.is_active());
}

#[tokio::test]
async fn what_is_told_of_the_first_step_is_told_after_the_second() {
    let scene = Scene::set().await;
    let (stage, s) = (&scene.stage, scene.stage.s());
    let mut office = directories::get(s.db(), scene.directory)
        .await
        .unwrap()
        .unwrap();
    office
        .settings
        .insert("sign_in".to_owned(), "on".to_owned());
    let tx = s.db().begin().await.unwrap();
    directories::update(&tx, &office).await.unwrap();
    tx.commit_quiet(muster_storage::Quiet::Counted)
        .await
        .unwrap();
    stage.world.source.vouches_for(PASSWORD);
    let ada = stage
        .world
        .sign_in(scene.ada().await.id, "ada")
        .await
        .unwrap();
    let ada = stage.world.elevate(&ada).await.unwrap();
    let (app, _, _) = add(stage, &ada, "Phone").await;
    stage.world.source.says(Vec::new());
    let call = stage.world.anonymous();
    let half = match password::sign_in(s, &call, "ada", PASSWORD).await {
        Ok(Entered::Half(half)) => half,
        other => panic!("{other:?}"),
    };
    // It is kept with the browser's session between the steps.
    let kept = serde_json::to_string(&half).unwrap();
    assert!(!kept.contains(PASSWORD), "{kept}");
    let half: Half = serde_json::from_str(&kept).unwrap();
    let code = app.shows(stage);
    second_step::sign_in(s, &call, &half, code.as_str())
        .await
        .unwrap();
    let notes = scene.notes().await.join(" ");
    assert!(
        notes.contains("Office: it has nobody of the name ada"),
        "{notes}"
    );
}
