//! Search domains by the AWS SDK.

use async_trait::async_trait;
use aws_sdk_opensearch::Client;
use aws_sdk_opensearch::types::{
    ChangeProgressStatusDetails, ClusterConfig, DomainProcessingStatusType, DomainStatus, EbsOptions,
    OpenSearchPartitionInstanceType, OverallChangeStatus,
};

use super::error::from_sdk;
use crate::cloudformation::port::Error;
use crate::cloudformation::search_domain::{DomainChange, SearchDomains};

/// How `OpenSearch` calls a change that copies everything to new nodes:
/// <https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-configuration-changes.html>.
const BLUE_GREEN: &str = "Blue/Green";

/// The search domains of one account and region by the SDK.
#[derive(Clone)]
pub struct OpenSearchDomains {
    client: Client,
}

impl OpenSearchDomains {
    /// Wraps a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl SearchDomains for OpenSearchDomains {
    async fn progress(&self, domain: &str) -> Result<Option<String>, Error> {
        let answer = self.client.describe_domain().domain_name(domain).send().await;
        let answer = answer.map_err(|error| from_sdk("DescribeDomain", &error))?;
        let Some(work) = answer.domain_status().and_then(work) else { return Ok(None) };
        let answer = self.client.describe_domain_change_progress().domain_name(domain).send().await;
        let stage = match answer.map_err(|error| from_sdk("DescribeDomainChangeProgress", &error)) {
            Ok(answer) => answer.change_progress_status().and_then(stage),
            // A domain that is being created may have no change to speak of.
            Err(Error::NotFound(_) | Error::Invalid(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(Some(
            stage.map_or_else(|| format!("the domain is {work}"), |stage| format!("the domain is {work}: {stage}")),
        ))
    }

    async fn dry_run(&self, domain: &str, change: &DomainChange) -> Result<Option<String>, Error> {
        let cluster = ClusterConfig::builder()
            .instance_type(OpenSearchPartitionInstanceType::from(change.instance_type.as_str()))
            .instance_count(change.instances)
            .build();
        let storage = EbsOptions::builder().ebs_enabled(true).volume_size(change.storage_gib).build();
        let call = self.client.update_domain_config().domain_name(domain).cluster_config(cluster).ebs_options(storage);
        let answer = call.dry_run(true).send().await.map_err(|error| from_sdk("UpdateDomainConfig", &error))?;
        let deployment = answer.dry_run_results().and_then(|results| results.deployment_type());
        let dear = deployment == Some(BLUE_GREEN);
        Ok(dear.then(|| "this change moves all data to new nodes, which takes hours on a large domain".to_owned()))
    }
}

/// What the domain is busy with, as a participle.
fn work(domain: &DomainStatus) -> Option<&'static str> {
    match domain.domain_processing_status() {
        Some(DomainProcessingStatusType::Creating) => Some("being created"),
        Some(DomainProcessingStatusType::Deleting) => Some("being deleted"),
        Some(DomainProcessingStatusType::Modifying) => Some("being changed"),
        Some(DomainProcessingStatusType::Updating) => Some("being updated to newer software of the service"),
        Some(DomainProcessingStatusType::Upgrading) => Some("being upgraded"),
        Some(DomainProcessingStatusType::Isolated) => Some("isolated, which only AWS support can undo"),
        _ if domain.upgrade_processing() == Some(true) => Some("being upgraded"),
        _ if domain.processing() == Some(true) => Some("being changed"),
        _ => None,
    }
}

/// Which stage of how many, as `DescribeDomainChangeProgress` shows it.
fn stage(progress: &ChangeProgressStatusDetails) -> Option<String> {
    if progress.status() == Some(&OverallChangeStatus::Completed) {
        return None;
    }
    let stages = progress.change_progress_stages();
    let (index, current) = stages.iter().enumerate().find(|(_, stage)| stage.status() != Some("COMPLETED"))?;
    let total = progress.total_number_of_stages().max(i32::try_from(stages.len()).unwrap_or(i32::MAX));
    Some(format!("{}, stage {} of {total}", current.name().unwrap_or("a stage without a name"), index + 1))
}

#[cfg(test)]
mod tests {
    use aws_sdk_opensearch::types::ChangeProgressStage;

    use super::*;

    fn progress(status: OverallChangeStatus, stages: [(&str, &str); 3]) -> ChangeProgressStatusDetails {
        let stages = stages.map(|(name, status)| ChangeProgressStage::builder().name(name).status(status).build());
        ChangeProgressStatusDetails::builder()
            .status(status)
            .total_number_of_stages(10)
            .set_change_progress_stages(Some(stages.into()))
            .build()
    }

    #[test]
    fn progress_names_the_first_stage_that_is_not_complete() {
        let stages = [("Validation", "COMPLETED"), ("Creating a new environment", "IN_PROGRESS"), ("Copy", "PENDING")];
        let running = progress(OverallChangeStatus::Processing, stages);
        assert_eq!(stage(&running).as_deref(), Some("Creating a new environment, stage 2 of 10"));
        assert_eq!(stage(&progress(OverallChangeStatus::Completed, stages)), None);
    }
}
