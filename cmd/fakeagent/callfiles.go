package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"agentproof/internal/cli"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/session"
)

// readChunk is how much is read at once: what any broker's payload holds.
const readChunk = 512 << 10

func (f *callFlags) readCommand() *cobra.Command {
	var offset, limit uint64
	cmd := &cobra.Command{
		Use:   "read PATH",
		Short: "Print a file",
		Args:  cli.Args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, func(ctx context.Context, s *session.Session) error {
				err := f.copyFile(ctx, s, cmd.OutOrStdout(), args[0], offset, limit)
				if err != nil {
					return fmt.Errorf("read %s: %w", args[0], err)
				}
				return nil
			})
		},
	}
	cmd.Flags().Uint64Var(&offset, "offset", 0, "begin at this `BYTE`")
	cmd.Flags().Uint64Var(&limit, "max-bytes", 0, "read this `MANY` bytes at most; 0 reads all")
	return cmd
}

// copyFile writes limit bytes of a file to w, all for 0, from offset on.
func (f *callFlags) copyFile(ctx context.Context, s *session.Session, w io.Writer, path string, offset, limit uint64) error {
	if limit == 0 {
		limit = math.MaxUint64
	}
	for limit > 0 {
		ask := min(readChunk, limit)
		resp, err := s.Do(ctx, &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsRead{
			FsRead: &agentv1.FsReadRequest{Path: session.ToMachinePath(path, f.workdir), Offset: offset, Length: ask},
		}})
		if err != nil {
			return err
		}
		data := resp.GetFsRead().GetContent()
		if _, err := w.Write(data); err != nil {
			return err
		}
		n := uint64(len(data))
		if n < ask {
			return nil // the end of the file
		}
		offset, limit = offset+n, limit-min(n, limit)
	}
	return nil
}

func (f *callFlags) writeCommand() *cobra.Command {
	var p session.WriteFileParams
	cmd := &cobra.Command{
		Use:   "write PATH [TEXT]",
		Short: "Write a text, or standard input, to a file",
		Example: `  fakeagent call write notes/today.txt 'buy milk'
  fakeagent call write picture.png < picture.png`,
		Args: cli.Args(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Path = args[0]
			if len(args) == 2 {
				p.Content = []byte(args[1])
			} else {
				data, err := io.ReadAll(cmd.InOrStdin())
				if err != nil {
					return &cli.ExitError{Code: exitFailed, Err: fmt.Errorf("read standard input: %w", err)}
				}
				p.Content = data
			}
			return f.with(cmd, func(ctx context.Context, s *session.Session) error {
				_, err := s.WriteFile(ctx, p)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&p.Append, "append", false, "add to the file")
	cmd.Flags().BoolVar(&p.NoParents, "no-parents", false, "fail when the parent directory is missing")
	return cmd
}

func (f *callFlags) lsCommand() *cobra.Command {
	var recursive bool
	cmd := &cobra.Command{
		Use:   "ls [PATH]",
		Short: "List a directory",
		Args:  cli.Args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.with(cmd, func(ctx context.Context, s *session.Session) error {
				entries, err := s.ListFiles(ctx, session.ListFilesParams{Path: strings.Join(args, ""), Recursive: recursive})
				if err != nil {
					return err
				}
				tw := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
				for _, e := range entries {
					fmt.Fprintln(tw, entryLine(e))
				}
				return tw.Flush()
			})
		},
	}
	cmd.Flags().BoolVarP(&recursive, "recursive", "R", false, "descend into directories")
	return cmd
}

// entryLine is an entry as ls -l would show it, the name quoted where it would
// break the line.
func entryLine(e *agentv1.FsEntry) string {
	kind := map[agentv1.FsEntryKind]string{
		agentv1.FsEntryKind_FS_ENTRY_KIND_DIRECTORY: "dir",
		agentv1.FsEntryKind_FS_ENTRY_KIND_SYMLINK:   "link",
	}[e.GetKind()]
	if kind == "" {
		kind = "file"
	}
	name := e.GetPath()
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		name = fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("%s\t%04o\t%d\t%s\t%s", kind, e.GetMode()&0o7777, e.GetSize(),
		time.UnixMilli(e.GetModifiedMs()).Format(time.DateTime), name)
}

func (f *callFlags) statCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stat PATH",
		Short: "Describe a path; exit code 1 when it does not exist",
		Args:  cli.Args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.do(cmd, "stat", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsStat{
				FsStat: &agentv1.FsStatRequest{Path: session.ToMachinePath(args[0], f.workdir)},
			}}, func(resp *agentv1.ControlResponse) error {
				if !resp.GetFsStat().GetExists() {
					return &cli.ExitError{Code: 1, Err: fmt.Errorf("stat %s: it does not exist", args[0])}
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.ReplaceAll(entryLine(resp.GetFsStat().GetEntry()), "\t", "  "))
				return err
			})
		},
	}
}

func (f *callFlags) mkdirCommand() *cobra.Command {
	var parents bool
	cmd := &cobra.Command{
		Use:   "mkdir PATH",
		Short: "Make a directory",
		Args:  cli.Args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.do(cmd, "mkdir", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsMkdir{
				FsMkdir: &agentv1.FsMkdirRequest{Path: session.ToMachinePath(args[0], f.workdir), Parents: parents},
			}}, nil)
		},
	}
	cmd.Flags().BoolVarP(&parents, "parents", "p", false, "make parents too; an existing directory is fine")
	return cmd
}

func (f *callFlags) mvCommand() *cobra.Command {
	var overwrite bool
	cmd := &cobra.Command{
		Use:   "mv FROM TO",
		Short: "Move a path",
		Args:  cli.Args(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.do(cmd, "mv", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsMove{FsMove: &agentv1.FsMoveRequest{
				From:      session.ToMachinePath(args[0], f.workdir),
				To:        session.ToMachinePath(args[1], f.workdir),
				Overwrite: overwrite,
			}}}, nil)
		},
	}
	cmd.Flags().BoolVarP(&overwrite, "force", "f", false, "replace what is at TO")
	return cmd
}

func (f *callFlags) rmCommand() *cobra.Command {
	var recursive bool
	cmd := &cobra.Command{
		Use:   "rm PATH",
		Short: "Remove a path",
		Args:  cli.Args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.do(cmd, "rm", &agentv1.ControlRequest{Op: &agentv1.ControlRequest_FsRemove{
				FsRemove: &agentv1.FsRemoveRequest{Path: session.ToMachinePath(args[0], f.workdir), Recursive: recursive},
			}}, nil)
		},
	}
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "remove a directory and everything below it")
	return cmd
}
