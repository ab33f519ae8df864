//! Applications, codes and passages.

use muster_domain::application::{Application, Entry, Origin, Prefix};
use muster_domain::id::{ApplicationId, GroupId, UserId};
use muster_domain::membership::{Member, Membership, Origin as From};
use muster_domain::role::Role;
use muster_domain::session::SessionKey;
use muster_storage::passages::{self, Code};
use muster_storage::sessions::key_of;
use muster_storage::{Quiet, applications, memberships};
use tower_sessions::SessionStore as _;
use uuid::Uuid;

use crate::sessions::{signed_in, store};
use crate::world::{World, at, event, group, on_both, user};

fn origin() -> Origin {
    Origin::recall("https://app.example".to_owned())
}

fn application(number: u128, prefix: &str) -> Application {
    Application {
        id: ApplicationId(Uuid::from_u128(number)),
        name: format!("Application {number}"),
        origin: origin(),
        prefix: Prefix::new(prefix).unwrap(),
        entry: Entry::Listed {
            roles: vec![Role::Admin],
            groups: vec![GroupId(Uuid::from_u128(7))],
        },
        elevated: vec![Prefix::new("/admin").unwrap()],
        created_at: at(1),
        updated_at: at(2),
    }
}

fn code(hash: &str) -> Code {
    Code {
        hash: hash.to_owned(),
        application: ApplicationId(Uuid::from_u128(1)),
        session: SessionKey("before".to_owned()),
        flow: "flow".to_owned(),
        return_to: "/x?y=z".to_owned(),
        expires_at: at(60),
    }
}

async fn session(world: &World, number: i128) -> SessionKey {
    let mut record = signed_in(number, 1);
    store(world).0.create(&mut record).await.unwrap();
    key_of(&record.id.to_string())
}

on_both! {
    async fn an_application_is_kept_whole_and_its_address_is_its_alone(world) {
        let (one, two) = (application(1, "/"), application(2, "/wiki"));
        let tx = world.tx().await;
        for application in [&two, &one] {
            applications::insert(&tx, application).await.unwrap();
        }
        tx.commit(&[event("application.add")]).await.unwrap();
        assert_eq!(applications::list(&world.db).await.unwrap(), [one.clone(), two.clone()]);
        assert_eq!(world.db.recent_applications().await.unwrap().len(), 2);
        let tx = world.tx().await;
        let taken = applications::insert(&tx, &Application { id: ApplicationId(Uuid::from_u128(3)), ..one.clone() }).await;
        assert_eq!(taken.unwrap_err().code, "DB-020");
        drop(tx);
        let changed = Application { name: "Wiki".to_owned(), entry: Entry::Everybody, ..two.clone() };
        let tx = world.tx().await;
        applications::update(&tx, &changed).await.unwrap();
        assert!(applications::remove(&tx, one.id).await.unwrap());
        assert!(!applications::remove(&tx, one.id).await.unwrap());
        assert_eq!(applications::update(&tx, &one).await.unwrap_err().code, "WEB-404");
        tx.commit(&[event("application.remove")]).await.unwrap();
        assert_eq!(world.db.recent_applications().await.unwrap(), std::slice::from_ref(&changed));
        assert_eq!(applications::get(&world.db, two.id).await.unwrap(), Some(changed));
    }

    async fn of_two_takers_of_one_code_exactly_one_gets_it(world) {
        let tx = world.tx().await;
        applications::insert(&tx, &application(1, "/")).await.unwrap();
        for hash in ["a", "b", "c"] {
            passages::keep_code(&tx, &code(hash)).await.unwrap();
        }
        tx.commit_quiet(Quiet::SignInPending).await.unwrap();
        let take = |hash: &'static str| {
            let db = world.db.clone();
            async move {
                let tx = db.begin().await.unwrap();
                let taken = passages::take_code(&tx, hash).await.unwrap();
                tx.commit_quiet(Quiet::SignInPending).await.unwrap();
                taken
            }
        };
        let (one, other) = tokio::join!(take("a"), take("a"));
        assert_eq!([&one, &other].iter().filter(|taken| taken.is_some()).count(), 1);
        assert_eq!(one.or(other), Some(code("a")));
        assert_eq!(take("unknown").await, None);
        for (hash, kept) in [("a", false), ("b", true), ("unknown", false)] {
            assert_eq!(passages::is_kept(&world.db, hash).await.unwrap(), kept, "{hash}");
        }
        let tx = world.tx().await;
        assert_eq!(passages::sweep(&tx, at(59)).await.unwrap(), 0);
        passages::follow(&tx, &code("b").session, &SessionKey("after".to_owned())).await.unwrap();
        tx.commit_quiet(Quiet::Expired).await.unwrap();
        assert_eq!(take("b").await.unwrap().session.0, "after");
        let tx = world.tx().await;
        assert_eq!(passages::sweep(&tx, at(60)).await.unwrap(), 1);
    }

    async fn who_came_in_is_told_in_one_question_and_follows_the_session(world) {
        world.users(&[user(1, "Ada")]).await;
        let (inner, outer) = (group(7, "Inner, circle"), group(8, "Outer"));
        world.groups(&[inner.clone(), outer.clone()]).await;
        let ada = Member::User(UserId(Uuid::from_u128(1)));
        let tx = world.tx().await;
        for (group, member) in [(inner.id, ada), (outer.id, Member::Group(inner.id))] {
            let membership = Membership { group, member, origin: From::Manual };
            memberships::add(&tx, &membership, at(0)).await.unwrap();
        }
        tx.commit(&[event("group.create")]).await.unwrap();
        let (before, after) = (session(&world, 1).await, session(&world, 2).await);
        let tx = world.tx().await;
        passages::open(&tx, "token", &before, &origin(), at(1)).await.unwrap();
        passages::open(&tx, "orphan", &SessionKey("gone".to_owned()), &origin(), at(1)).await.unwrap();
        tx.commit(&[event("application.enter")]).await.unwrap();
        let entered = passages::entered(&world.db, "token", at(2)).await.unwrap().unwrap();
        assert_eq!((entered.person.session.key.clone(), entered.origin.clone()), (before.clone(), origin()));
        assert_eq!(entered.person.user.username, user(1, "Ada").username);
        let groups = vec![(inner.id, "Inner, circle".to_owned()), (outer.id, "Outer".to_owned())];
        assert_eq!(entered.groups, groups);
        assert_eq!(passages::groups_of(&world.db, UserId(Uuid::from_u128(1))).await.unwrap(), groups);
        assert_eq!(passages::groups_of(&world.db, UserId(Uuid::from_u128(9))).await.unwrap(), []);
        assert_eq!(world.db.recently_entered("token", at(2)).await.unwrap(), Some(entered));
        for token in ["orphan", "unknown", ""] {
            assert_eq!(passages::entered(&world.db, token, at(2)).await.unwrap(), None);
        }
        assert_eq!(passages::entered(&world.db, "token", at(3600)).await.unwrap(), None);
        let tx = world.tx().await;
        passages::follow(&tx, &before, &after).await.unwrap();
        muster_storage::sessions::revoke(&tx, &before).await.unwrap();
        assert_eq!(passages::sweep(&tx, at(3)).await.unwrap(), 1);
        tx.commit_quiet(Quiet::Expired).await.unwrap();
        let entered = world.db.recently_entered("token", at(2)).await.unwrap().unwrap();
        assert_eq!(entered.person.session.key, after);
    }
}
