//! Terms of leases: for how long a node has something that only one node may have, the lease of a follower or the claim
//! of a job.

use std::time::Duration;

/// How long it is for. A node that ends without letting it go has it for as long as that.
pub const TERM: Duration = Duration::from_secs(60);
/// How long before its end all work ends that was not renewed. The clocks of nodes may differ by less than this.
pub const MARGIN: Duration = Duration::from_secs(10);
