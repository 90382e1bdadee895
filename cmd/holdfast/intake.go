package main

import (
	"holdfast/internal/config"
	"holdfast/internal/intake"
	"holdfast/internal/spool"
	"holdfast/internal/temporal"
	"holdfast/workflows"
)

// openIntake opens what makes webhooks durable.
func (h *house) openIntake(eager bool) error {
	var err error
	h.spool, err = spool.Open(spool.Options{
		Dir: h.config.Spool.Dir, MaxBytes: int64(h.config.Spool.MaxBytes), Logger: h.log, Registerer: h.metrics,
	})
	if err != nil {
		return err
	}
	h.intake, err = intake.New(intake.Options{
		Starter: workflows.NewStarter(h.temporal, workflows.StarterOptions{
			TaskQueue: h.config.Temporal.TaskQueue, Eager: eager, Converter: h.converter, MaxInput: h.maxStored(),
		}),
		Spool:  h.spool,
		Codec:  temporal.FileCodec{Converter: h.converter},
		Starts: h.config.Ingress.Starts, Single: h.config.Ingress.Grouping == config.GroupingOff,
		Logger: h.log, Registerer: h.metrics,
	})
	return err
}

// closeIntake says what is left for the next process.
func (h *house) closeIntake() {
	if h.intake != nil {
		h.intake.Close()
	}
	if h.spool == nil {
		return
	}
	left, aside := h.spool.Urgent.Stats().Entries+h.spool.Bulk.Stats().Entries, h.spool.Aside.Stats().Entries
	if left+aside > 0 {
		h.log.Warn("Webhooks are left in the spool: keep its directory for the next process, or run 'holdfast spool drain'",
			"dir", h.config.Spool.Dir, "webhooks", left, "set_aside", aside)
	}
	if err := h.spool.Close(); err != nil {
		h.log.Warn("Spool not closed cleanly", "error", err)
	}
}
