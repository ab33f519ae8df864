//! The shape of the database, one step after another, for SQLite and PostgreSQL alike.
//!
//! Each step is written once in the words of [`dialect`] and translated. Steps that were released never change;
//! a change is a new step. This crate holds no rows and no rules. Look first at [`Migrator`].

mod dialect;
mod m0001_people;
mod m0002_access;
mod m0003_sign_in;
mod m0004_record;
mod m0005_provisioning;
mod m0006_ways_in;
mod m0007_factors;
mod m0008_calibration;
mod m0009_passkeys;
mod m0010_ways_back;
mod m0011_applications;
mod m0012_openers;
mod m0013_mail;
mod m0014_sessions;
mod m0016_addresses;
mod m0017_syncs;
mod m0018_plan_pages;
mod m0019_mappings;
mod m0020_readings;
mod m0021_shadows;
mod m0024_tried_mappings;
mod m0025_removed_directories;
mod m0026_runs_by_plan;

use sea_orm_migration::prelude::*;

/// Every step, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_people::Step),
            Box::new(m0002_access::Step),
            Box::new(m0003_sign_in::Step),
            Box::new(m0004_record::Step),
            Box::new(m0005_provisioning::Step),
            Box::new(m0006_ways_in::Step),
            Box::new(m0007_factors::Step),
            Box::new(m0008_calibration::Step),
            Box::new(m0009_passkeys::Step),
            Box::new(m0010_ways_back::Step),
            Box::new(m0011_applications::Step),
            Box::new(m0012_openers::Step),
            Box::new(m0013_mail::Step),
            Box::new(m0014_sessions::Step),
            Box::new(m0016_addresses::Step),
            Box::new(m0017_syncs::Step),
            Box::new(m0018_plan_pages::Step),
            Box::new(m0019_mappings::Step),
            Box::new(m0020_readings::Step),
            Box::new(m0021_shadows::Step),
            Box::new(m0024_tried_mappings::Step),
            Box::new(m0025_removed_directories::Step),
            Box::new(m0026_runs_by_plan::Step),
        ]
    }
}
