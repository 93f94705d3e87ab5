//! Which promises a backend is held to, by what it can do: the one list of all cases.

/// Hands the cases of a group to the macro that `$then` names, behind what is in `$with`. The tests of a backend and
/// its report are both made in this way.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_group {
    // What every executor keeps.
    (everywhere, [$($then:tt)*], $with:tt) => {
        $($then)*! { $with
            as_completed:
                every_future_is_yielded_once_and_done,
                keys_come_back_with_their_futures,
                futures_of_several_executors_mix,
                more_may_be_added_while_iterating,
                a_look_without_waiting_takes_all_that_are_done,
                completed_futures_are_a_stream_too;
            async_work:
                async_work_runs_on_every_backend,
                a_task_that_suspends_is_woken_from_another_thread;
            callbacks:
                a_callback_added_after_the_end_runs_at_once_and_here,
                a_callback_that_panics_after_the_end_does_not_unwind_into_the_caller,
                a_deadline_reaches_callbacks_too,
                a_refused_task_calls_back_too;
            cancel:
                cancelling_what_has_ended_is_refused_and_changes_nothing,
                outside_a_task_nobody_is_asked_to_stop;
            deadlines:
                a_task_that_passes_its_deadline_fails_with_it,
                work_that_stops_because_its_deadline_asks_it_to_has_still_timed_out,
                a_task_in_time_knows_nothing_of_its_deadline,
                a_timeout_that_work_returns_is_only_a_value,
                a_suspended_future_ends_at_its_deadline,
                a_shutdown_of_an_idle_executor_needs_no_time;
            group:
                the_values_come_in_the_order_of_submission,
                a_group_of_nobody_joins,
                a_group_can_be_awaited,
                after_a_failure_nothing_more_runs;
            group_ends:
                a_group_that_keeps_going_has_every_outcome,
                a_group_that_keeps_going_joins_with_its_first_failure,
                every_outcome_is_there_after_a_failure_too,
                who_is_in_time_has_values,
                nothing_starts_after_the_deadline,
                a_group_without_a_late_member_is_in_time;
            in_flight:
                a_bound_of_zero_is_refused,
                any_bound_gives_the_same,
                a_bound_holds_for_many_items,
                with_a_bound_of_one_no_item_starts_before_the_one_before_it_has_ended,
                an_item_that_fails_frees_its_place,
                an_item_that_does_not_cross_frees_its_place,
                an_item_that_passes_its_deadline_frees_its_place,
                a_detached_map_with_a_bound_runs_what_it_has_pulled;
            map:
                the_outcomes_come_in_the_order_of_the_items,
                any_chunk_size_gives_the_same,
                any_buffer_and_chunk_size_give_the_same,
                a_chunk_or_buffer_of_zero_is_refused,
                a_failed_item_yields_its_error_and_the_others_go_on,
                one_panic_among_many_items_costs_one_item,
                items_may_be_few_or_of_unequal_length,
                items_may_borrow_and_stay_on_their_thread,
                an_unordered_map_yields_the_same_outcomes,
                quick_items_never_time_out,
                a_panic_of_the_items_comes_after_the_outcomes_before_it,
                a_map_knows_how_many_outcomes_are_left,
                a_map_is_a_stream_too,
                every_item_has_a_deadline_of_its_own,
                a_detached_map_runs_what_it_has_pulled,
                a_cancelled_map_ends;
            map_read_ahead:
                never_are_more_items_pulled_than_the_buffer_holds,
                an_endless_iterator_can_be_mapped,
                after_a_shutdown_the_items_stand_where_they_were;
            options:
                a_name_stays_with_its_tasks,
                options_context_and_group_combine_in_any_order,
                options_bind_their_own_tasks_only;
            outcome:
                a_zero_limit_takes_an_outcome_that_is_there,
                asking_for_an_outcome_that_was_taken_panics_and_says_so,
                every_clone_of_a_shared_future_has_the_outcome,
                a_shared_future_reports_a_panic_as_often_as_it_is_asked,
                debug_output_shows_the_state_and_needs_no_debug_of_the_value,
                every_future_can_be_awaited,
                a_limit_without_end_overflows_nowhere;
            panics:
                the_text_of_a_panic_reaches_the_caller,
                a_panic_says_where_it_was,
                every_worker_survives_a_panic,
                a_panic_in_async_work_is_its_own,
                a_panic_in_the_destructor_of_an_argument_fails_its_task_only,
                a_panic_in_the_destructor_of_a_lost_result_harms_nobody,
                a_value_that_does_not_cross_fails_its_task_only,
                an_item_that_does_not_cross_fails_alone;
            requests:
                outside_of_a_task_a_token_is_never_raised,
                a_task_in_time_has_a_token_that_is_not_raised,
                a_call_hears_of_its_deadline,
                a_suspended_task_that_passes_its_deadline_raises_its_token;
            retried_together:
                the_bound_on_what_is_in_flight_holds_for_attempts,
                members_of_a_group_are_tried_again;
            retries:
                the_first_success_is_the_outcome,
                the_error_of_the_last_attempt_is_the_outcome,
                items_are_tried_again_one_by_one,
                by_default_a_panic_is_an_outcome_like_any_other,
                outside_of_a_task_and_without_retries_it_is_the_first_attempt,
                the_condition_sees_the_error_of_each_attempt_once,
                a_condition_that_panics_wants_no_other_attempt,
                an_argument_whose_copy_panics_fails_its_task_only,
                what_does_not_cross_is_tried_again_if_that_is_wanted,
                a_result_that_cannot_be_sent_is_tried_again_if_that_is_wanted,
                a_result_that_cannot_be_read_in_another_process_is_found_out_too_late,
                a_call_that_goes_on_after_its_deadline_is_not_tried_again,
                a_future_that_passes_its_deadline_is_tried_again,
                a_refused_task_is_not_tried,
                a_refused_task_is_counted_as_cancelled,
                who_hears_of_the_end_hears_once,
                a_detached_task_is_tried_again,
                options_with_retries_keep_the_others;
            shutdown:
                who_submits_after_a_shutdown_is_told,
                results_can_be_read_after_a_shutdown,
                shutting_down_again_is_harmless,
                the_end_can_be_awaited,
                dropping_the_last_handle_finishes_what_was_accepted,
                executors_come_and_go,
                an_executor_in_a_thread_local_ends_with_its_thread;
            stats:
                every_task_and_item_is_counted_once,
                who_has_an_outcome_finds_it_in_the_books;
            submit:
                the_value_of_work_comes_back,
                one_worker_runs_all_tasks,
                a_failed_task_harms_no_other,
                executors_do_not_mix_up_their_tasks,
                an_error_that_work_returns_is_a_value,
                a_value_that_looks_empty_is_a_value,
                a_dropped_future_detaches_its_task,
                no_two_tasks_have_the_same_id,
                many_threads_may_submit_to_one_executor;
            wait:
                all_means_values_and_failures,
                waiting_for_nothing_returns,
                a_failure_that_is_there_already_ends_the_wait;
            with_context:
                every_verb_gives_its_work_the_context,
                contexts_do_not_mix,
                a_context_lives_as_long_as_its_tasks,
                a_panic_with_a_context_harms_nobody;
        }
    };

    // Where tasks run beside the caller and beside each other.
    (at_once, [$($then:tt)*], $with:tt) => {
        $($then)*! { $with
            as_completed:
                those_that_are_done_come_first,
                they_come_in_the_order_in_which_they_end,
                a_cancellation_is_yielded_at_once,
                completions_from_many_threads_at_once_all_arrive,
                dropping_the_iterator_detaches_the_tasks;
            async_work:
                a_suspended_task_leaves_its_worker_to_others,
                an_async_map_keeps_as_many_under_way_as_the_buffer_holds,
                kill_ends_a_suspended_task_and_cancel_does_not,
                cancelling_what_was_killed_after_its_start_is_refused,
                a_shutdown_that_kills_ends_what_is_suspended,
                a_shutdown_that_finishes_waits_for_what_is_suspended;
            between_attempts:
                a_task_between_attempts_is_queued,
                cancel_and_kill_between_attempts_are_true_and_at_once,
                cancelling_a_running_attempt_is_a_request_and_makes_it_the_last,
                a_killed_future_is_not_tried_again,
                a_shutdown_that_finishes_makes_all_attempts,
                dropping_the_last_handle_makes_all_attempts,
                a_shutdown_that_cancels_or_kills_waits_for_no_pause,
                a_shutdown_that_cancels_takes_over_from_one_that_finishes,
                no_pause_is_lost,
                cancelling_at_any_moment_is_exact;
            callbacks:
                a_callback_runs_once_and_sees_the_task_done,
                callbacks_run_in_order_and_before_the_outcome_is_handed_over,
                a_callback_that_panics_costs_nothing_else,
                the_callback_of_a_cancelled_task_runs_on_the_thread_that_cancels,
                a_callback_may_shut_the_executor_down_while_others_submit,
                callbacks_that_come_up_inside_a_callback_wait_for_its_end;
            cancel:
                cancel_is_true_for_what_will_never_run,
                the_last_of_many_can_be_cancelled_and_so_can_the_others,
                a_running_task_sees_that_it_was_asked_to_stop,
                kill_says_whether_it_could_stop_the_task,
                cancelling_and_shutting_down_right_after_submitting_does_not_hang,
                of_cancel_and_start_exactly_one_happens,
                a_future_may_cancel_its_task_when_it_is_dropped,
                a_cancelled_task_makes_no_one_wait;
            deadlines:
                a_deadline_counts_from_the_start_of_the_task,
                a_cancelled_task_passes_no_deadline,
                a_bounded_shutdown_returns_although_a_task_goes_on,
                a_deadline_asks_the_running_task_to_stop;
            group:
                the_first_failure_cancels_those_that_have_not_started,
                the_first_failure_asks_those_that_run_to_stop,
                joining_waits_for_all_even_after_a_failure,
                dropping_a_group_cancels_what_has_not_started_and_waits,
                a_detached_group_runs,
                a_group_of_suspended_tasks_is_given_up_when_it_is_killed;
            group_ends:
                a_failure_before_the_deadline_is_what_the_group_ends_with,
                the_deadline_cancels_what_is_queued,
                the_deadline_stops_what_runs_and_waits_for_it,
                the_deadline_ends_what_is_suspended,
                a_deadline_with_queued_running_and_suspended_members_ends_all,
                a_group_that_is_awaited_for_a_while_and_dropped_stops_its_members,
                a_group_that_is_never_awaited_stops_its_members;
            in_flight:
                as_many_items_are_in_flight_as_the_bound_says_and_never_more,
                more_items_may_be_in_flight_than_there_are_workers,
                items_wait_for_a_place_and_not_for_the_consumer,
                two_maps_have_a_bound_each,
                an_unordered_map_with_a_bound_goes_on_past_a_slow_item,
                what_waits_for_a_place_is_cancelled_with_its_map,
                a_shutdown_that_finishes_runs_what_waits_for_a_place,
                a_shutdown_that_cancels_gives_up_what_waits_for_a_place,
                a_long_line_that_is_given_up_needs_no_stack,
                dropping_the_last_handle_runs_what_waits_for_a_place,
                cancelling_and_shutting_down_a_map_with_a_bound_hangs_nowhere;
            map:
                a_map_runs_without_being_iterated,
                dropping_a_map_cancels_what_has_not_started,
                dropping_a_map_of_async_work_cancels_what_has_not_started,
                a_map_behind_a_busy_worker_times_out_and_never_starts,
                a_map_that_times_out_yields_what_is_there_and_ends,
                an_unordered_map_does_not_wait_for_a_slow_first_item,
                after_a_cancellation_the_other_items_say_cancelled,
                a_map_ends_when_its_executor_is_shut_down;
            map_read_ahead:
                reading_ahead_stops_at_the_buffer_size,
                a_pull_that_waits_for_an_earlier_item_does_not_wait_for_ever;
            outcome:
                a_task_is_queued_then_runs_then_is_done,
                a_blocked_waiter_wakes_when_the_task_ends,
                a_blocked_waiter_wakes_when_somebody_cancels,
                a_waiter_that_gives_up_takes_no_wake_up_with_it,
                a_future_may_be_polled_and_dropped_while_its_task_ends,
                all_who_look_at_an_ended_task_see_the_same,
                waiting_never_ends_a_task;
            panics:
                panics_at_the_same_moment_stay_apart;
            requests:
                who_waits_hears_that_the_task_is_cancelled,
                a_killed_task_raises_its_token,
                who_waits_hears_that_the_group_has_failed,
                items_hear_that_their_map_is_dropped,
                who_waits_hears_of_a_shutdown_that_cancels_or_kills,
                all_copies_of_a_token_hear,
                a_token_sees_no_request_of_later_tasks,
                a_request_stays_raised_when_the_task_has_ended,
                items_that_have_ended_are_not_asked_to_stop,
                many_futures_hear_of_one_failure;
            retried_together:
                a_map_that_is_dropped_gives_up_its_items_between_attempts,
                an_item_between_attempts_leaves_its_place_to_others,
                those_in_line_hear_of_a_shutdown_at_once,
                a_group_fails_with_a_last_attempt_and_ends_those_between,
                a_group_that_is_given_up_has_no_further_attempts;
            shutdown:
                finish_runs_what_was_accepted,
                cancel_gives_up_what_is_queued_and_nothing_else,
                a_stricter_shutdown_takes_over,
                kill_ends_what_can_be_ended,
                shutting_down_behind_a_full_queue_does_not_hang,
                a_submission_that_races_a_shutdown_resolves,
                tasks_that_panic_after_the_handle_is_gone_harm_nobody,
                dropping_the_last_handle_waits_for_a_running_task;
            stats:
                the_counters_show_what_is_queued_and_what_runs,
                a_dropped_map_leaves_the_books_in_order;
            submit:
                as_many_tasks_run_at_once_as_there_are_workers,
                never_do_more_tasks_run_than_there_are_workers,
                letting_go_those_that_have_started_finishes_all,
                a_submission_from_anywhere_wakes_idle_workers,
                a_submission_gets_through_to_a_busy_executor,
                every_submission_to_a_fresh_executor_starts;
            wait:
                all_waits_for_the_last_and_counts_cancellations,
                the_first_that_completes_is_enough,
                all_that_have_completed_already_are_done,
                the_first_failure_ends_the_wait_before_the_last,
                a_cancellation_is_done_and_no_failure,
                a_timeout_splits_done_from_pending,
                no_completion_is_missed_when_many_end_at_once;
        }
    };

    // Where work sees the memory of the program.
    (shares_memory, [$($then:tt)*], $with:tt) => {
        $($then)*! { $with
            release:
                an_argument_is_gone_when_the_outcome_is_there,
                what_a_detached_task_used_is_gone_although_nothing_else_runs,
                results_of_a_map_are_gone_as_soon_as_the_consumer_drops_them,
                results_that_are_not_taken_go_with_the_map,
                futures_that_were_yielded_are_not_kept,
                a_refused_argument_is_gone,
                a_context_is_gone_with_its_last_task;
            shutdown:
                a_task_may_shut_its_own_executor_down_in_each_way,
                a_task_that_has_the_last_handle_finishes_what_it_submitted;
        }
    };

    // Where both are true: tasks run at once, and share memory.
    (at_once_shared, [$($then:tt)*], $with:tt) => {
        $($then)*! { $with
            release:
                a_cancelled_argument_is_gone_at_once,
                what_waits_for_a_place_in_flight_is_gone_with_its_map,
                a_shutdown_drops_what_it_cancels_once,
                dropping_the_executor_leaves_nothing_alive,
                a_killed_suspended_task_drops_its_state;
        }
    };

    // Where a task may wait for tasks of its own executor, with one worker too.
    (nested, [$($then:tt)*], $with:tt) => {
        $($then)*! { $with
            between_attempts:
                one_worker_may_wait_for_the_attempts_of_its_child;
            callbacks:
                a_callback_that_work_adds_runs_too;
            group_ends:
                a_task_may_drop_a_group_of_its_own_executor;
            nesting:
                one_worker_may_wait_for_its_own_children,
                every_way_to_wait_works_inside_a_task,
                items_of_a_map_may_wait_for_tasks_of_their_own,
                a_chain_of_executors_may_end_where_it_began,
                all_items_of_one_executor_may_wait_for_another,
                a_task_may_build_use_and_drop_an_executor,
                a_task_sees_why_its_child_failed,
                hundreds_of_tasks_may_be_submitted_from_inside,
                a_long_chain_of_tasks_needs_no_stack,
                async_and_blocking_work_may_submit_each_other;
            shutdown:
                while_it_finishes_its_own_tasks_may_submit_more;
        }
    };

    // Where a callback on a worker may wait too, and tasks wait beside those they wait for.
    (nested_at_once, [$($then:tt)*], $with:tt) => {
        $($then)*! { $with
            callbacks:
                a_callback_may_submit_and_wait_on_one_worker;
            group_ends:
                a_task_that_drops_a_group_waits_for_the_member_that_runs,
                the_end_of_a_group_reaches_the_group_that_a_member_joins,
                the_end_of_a_group_reaches_the_group_that_a_member_awaits;
        }
    };

    // Where tasks start in the order they came from outside, and a map goes back behind others.
    (in_order, [$($then:tt)*], $with:tt) => {
        $($then)*! { $with
            order:
                tasks_from_outside_start_in_the_order_of_their_submission,
                a_long_map_does_not_hold_up_other_tasks;
        }
    };

    // Where a worker runs what it submitted itself newest first.
    (newest_first, [$($then:tt)*], $with:tt) => {
        $($then)*! { $with
            order:
                what_a_task_submits_starts_newest_first_on_its_own_worker;
        }
    };

    ($unknown:ident, [$($then:tt)*], $with:tt) => {
        ::core::compile_error!(::core::concat!(
            "`",
            ::core::stringify!($unknown),
            "` is no capability; those of `concurrent_futures::conformance::Capability` are, in lower case"
        ));
    };
}
