//! Both stages at once: the scenarios of landlord's own tests, with the policy at work beside the
//! controller. The end state is the same. And the doctor, with a webhook that answers.
mod health;
mod release;
mod scenarios;
mod selectors;
mod strategy;
mod world;
