// Package organisation turns the hooks that an organisation has configured in Rossum
// into the chain of one queue.
//
//   - [FromHooks] takes the hooks that an export calls, orders them by run_after, and
//     makes a chain in which each runs with its own settings and secrets.
//   - [Registry] says which step stands for which hook.
//   - [Fault] is what is wrong with one hook: all faults of all hooks come in one
//     error, each with the hook's file and the line in it.
//
// Hooks come from [rossum.LoadOrganisation], which reads a folder of prd2, or from
// Rossum's API: [rossum.Client.Hooks] lists them, and [rossum.ParseHook] reads one that was
// saved. The API never shows secrets; see [SecretsByHook].
package organisation
