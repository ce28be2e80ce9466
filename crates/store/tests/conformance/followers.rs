//! How far followers have got, and which node runs them.

use im2_model::Position;

use crate::{case, open, until};

#[tokio::test]
async fn a_lease_is_one_nodes_until_it_runs_out_or_is_let_go() {
    case(|tx| {
        assert!(tx.take_lease("push", 1, 100, 200)?);
        assert!(!tx.take_lease("push", 2, 199, 300)?, "another has it");
        assert!(tx.take_lease("push", 1, 150, 250)?, "who has it may take it again: after a restart");
        assert!(tx.take_lease("other", 2, 150, 250)?, "another lease");
        assert!(!tx.renew_lease("push", 2, 300)?);
        assert!(tx.renew_lease("push", 1, 300)?);
        assert!(!tx.take_lease("push", 2, 299, 400)?, "it was renewed");
        assert!(tx.take_lease("push", 2, 300, 400)?, "it has run out");
        assert!(!tx.renew_lease("push", 1, 500)?, "it was taken over");
        tx.release_lease("push", 1)?;
        assert!(!tx.take_lease("push", 1, 301, 400)?, "only who has it lets it go");
        tx.release_lease("push", 2)?;
        assert!(tx.take_lease("push", 1, 301, 400)?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_followers_place_is_kept() {
    case(|tx| {
        assert_eq!(tx.follower_reached("push")?, None);
        for sequence in [5, 9] {
            let mut reached = until(Position::new(2, sequence));
            reached.pass(Position::from_i64(7));
            tx.save_follower("push", &reached)?;
            assert_eq!(tx.follower_reached("push")?, Some(reached));
        }
        assert_eq!(tx.follower_reached("other")?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_store_knows_its_number() {
    assert_eq!(open().store.number(), 1);
}
