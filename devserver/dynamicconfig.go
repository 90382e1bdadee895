package main

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"go.temporal.io/server/common/dynamicconfig"
)

// defaultDynamicConfig is how this server differs from Temporal's defaults.
func defaultDynamicConfig(s *store) dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// Implies the new matcher, which priorities need as well.
		dynamicconfig.MatchingEnableFairness.Key(): true,
		dynamicconfig.WorkflowPauseEnabled.Key():   true,
		// On by default in this version; Holdfast's latency rests on it.
		dynamicconfig.EnableEagerWorkflowStart.Key(): true,
		// Sized for clusters, the default keeps up to 128,000 workflows in memory.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 4096,
		// A console and the UI that page through parked workflows exceed the default of 10 per second.
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 200,
		// Reprocessing in bulk: the defaults are one batch at a time, 50 workflows per second, five at once. The bound of
		// 1,000 workflows is not asked for by this version.
		dynamicconfig.FrontendMaxConcurrentBatchOperationPerNamespace.Key():     8,
		dynamicconfig.FrontendMaxExecutionCountBatchOperationPerNamespace.Key(): 1_000_000,
		dynamicconfig.BatcherRPS.Key():                                          500,
		dynamicconfig.BatcherConcurrency.Key():                                  32,
		// A search attribute added while running can be used at once. It costs a read of the
		// database whenever search attributes are met, so a store that is there to be loaded does without.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): s.shards == 1,
		// It would ask Temporal's site whether there is a newer version.
		dynamicconfig.EnableServerVersionCheck.Key(): false,
	}
}

// dynamicConfig is the value of --dynamic-config-value.
type dynamicConfig struct{ values dynamicconfig.StaticClient }

// over returns base with the given values in place of its own.
func (d dynamicConfig) over(base dynamicconfig.StaticClient) dynamicconfig.StaticClient {
	maps.Copy(base, d.values)
	return base
}

// Set implements pflag.Value. A key that the server does not know and a value
// of the wrong type are errors: the server itself would only log and go on.
func (d dynamicConfig) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return errors.New("want key=value")
	}
	key := dynamicconfig.MakeKey(name)
	var loader dynamicconfig.YamlLoader
	loader.LoadValue(key, fmt.Appendf(nil, "- value: %s\n", value))
	if err := errors.Join(append(loader.Errors, loader.Warnings...)...); err != nil {
		return err
	}
	d.values[key] = loader.Map[key]
	return nil
}

// String implements pflag.Value.
func (d dynamicConfig) String() string { return "" }

// Type implements pflag.Value.
func (d dynamicConfig) Type() string { return "key=value" }
