//go:build linux || darwin

package files_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"agentproof/agent/internal/files"
	"agentproof/agent/internal/workspace"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func helperTree() (tree, error) {
	dir, err := os.Getwd()
	if err != nil {
		return tree{}, err
	}
	root, err := workspace.Open(dir)
	if err != nil {
		return tree{}, err
	}
	return tree{FS: files.New(root, nil), dir: dir}, nil
}

// report prints a failed call's reason.
func report[T any](_ T, err error) {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		fmt.Println(errno)
	} else if err != nil {
		fmt.Println(err)
	}
}

func makeWithModes(tr tree) {
	ctx := context.Background()
	report(tr.Write(ctx, &agentv1.FsWriteRequest{Path: "plain"}))
	report(tr.Write(ctx, &agentv1.FsWriteRequest{Path: "asked", Mode: 0o777}))
	report(tr.Write(ctx, &agentv1.FsWriteRequest{Path: "appended", Mode: 0o713, Append: true}))
	report(tr.Write(ctx, &agentv1.FsWriteRequest{Path: "made/file", CreateParents: true}))
	report(tr.Mkdir(ctx, &agentv1.FsMkdirRequest{Path: "dir"}))
	report(tr.Mkdir(ctx, &agentv1.FsMkdirRequest{Path: "exact", Mode: 0o777}))
	report(tr.Mkdir(ctx, &agentv1.FsMkdirRequest{Path: "sticky", Mode: 0o1777}))
	report(tr.Mkdir(ctx, &agentv1.FsMkdirRequest{Path: "private", Mode: 0o700}))
	report(tr.Mkdir(ctx, &agentv1.FsMkdirRequest{Path: "parents/leaf", Parents: true, Mode: 0o775}))
}

// writeTooMuch writes more than the limit on file sizes lets through, in each
// of the ways in which Write works.
func writeTooMuch(tr tree) {
	ctx := context.Background()
	content := []byte(strings.Repeat("new\n", fileSizeLimit))
	for _, req := range []*agentv1.FsWriteRequest{
		{Path: "file", Content: content},
		{Path: "linked", Content: content},
		{Path: "appended", Content: content, Append: true},
		{Path: "new", Content: content},
	} {
		report(tr.Write(ctx, req))
	}
}
