package main

import (
	"go.temporal.io/server/common/log"
	"go.uber.org/zap"
)

// newLogger is the server's own log, on stderr. After hush it keeps to itself
// what a stopping server takes for errors, the ends of its own connections,
// unless the level asks for more than errors anyway.
func newLogger(o options) (_ log.Logger, hush func()) {
	name, format := o.logLevel, "console"
	if name == "never" {
		name = "fatal" // the last word of a process that ends should not be lost
	}
	if o.logFormat == "json" {
		format = "json"
	}
	level := zap.NewAtomicLevelAt(log.ParseZapLevel(name))
	logger := log.BuildZapLogger(log.Config{Level: name, Format: format}).WithOptions(
		zap.IncreaseLevel(level),
		// Errors come with a place; forty lines of stack only bury the next one.
		zap.AddStacktrace(zap.PanicLevel),
	)
	hush = func() {
		if level.Level() == zap.ErrorLevel {
			level.SetLevel(zap.FatalLevel)
		}
	}
	return log.NewZapLogger(logger), hush
}
