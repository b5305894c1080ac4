// Command provisioner makes and removes the directories behind the persistent volumes of the test cluster.
//
// A volume looks to its pod like a freshly formatted disk: owned by root, mode 0755, with a lost+found directory, and
// handed to the pod's fsGroup by the kubelet. That is why the volumes are of the type "local" and not "hostPath":
// the kubelet leaves a hostPath as it is, and a workload that forgets its fsGroup, or that stumbles over lost+found,
// would pass here and fail on a real disk.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const provisionerName = "cluster.tairyo.dev/directory"

type directories struct {
	root string
}

func (d directories) Provision(_ context.Context, options controller.ProvisionOptions) (*core.PersistentVolume, controller.ProvisioningState, error) {
	claim := options.PVC
	if options.SelectedNodeName == "" {
		return nil, controller.ProvisioningFinished, errors.New("the storage class must bind with WaitForFirstConsumer: a directory lives on the node of its pod")
	}
	for _, mode := range claim.Spec.AccessModes {
		if mode != core.ReadWriteOnce && mode != core.ReadWriteOncePod {
			return nil, controller.ProvisioningFinished, fmt.Errorf("access mode %s is not offered; allowed: ReadWriteOnce, ReadWriteOncePod", mode)
		}
	}
	if claim.Spec.VolumeMode != nil && *claim.Spec.VolumeMode != core.PersistentVolumeFilesystem {
		return nil, controller.ProvisioningFinished, fmt.Errorf("volume mode %s is not offered; allowed: Filesystem", *claim.Spec.VolumeMode)
	}

	path := filepath.Join(d.root, options.PVName)
	if err := makeVolume(path); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: options.PVName},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   claim.Spec.AccessModes,
			MountOptions:                  options.StorageClass.MountOptions,
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeSource:        core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: path}},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{{
					Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{options.SelectedNodeName},
				}},
			}}}},
		},
	}, controller.ProvisioningFinished, nil
}

// makeVolume may run twice for one volume (the object is saved after the directory is made), so what exists is kept.
func makeVolume(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return os.MkdirAll(filepath.Join(path, "lost+found"), 0o700)
}

func (d directories) Delete(_ context.Context, volume *core.PersistentVolume) error {
	// Only a direct child of the root is ours to remove: the path of a volume can be written by whoever may edit volumes.
	local := volume.Spec.Local
	if local == nil || filepath.Dir(local.Path) != d.root {
		return &controller.IgnoredError{Reason: "its path is not a directory of " + d.root}
	}
	return os.RemoveAll(local.Path)
}

func run() error {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of the cluster")
	root := flag.String("root", "", "absolute path of the directory that holds the volumes")
	flag.Parse()
	if *kubeconfig == "" || !filepath.IsAbs(*root) {
		return errors.New("--kubeconfig FILE and --root ABSOLUTE-PATH are needed")
	}
	configuration, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(configuration)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	provisioner := controller.NewProvisionController(ctx, client, provisionerName, directories{filepath.Clean(*root)},
		controller.LeaderElection(false),
		// The library waits 15 s before its first retry, far longer than a test waits for its volume.
		controller.RateLimiter(workqueue.NewTypedItemExponentialFailureRateLimiter[string](200*time.Millisecond, 10*time.Second)),
	)
	provisioner.Run(ctx)
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "provisioner:", err)
		os.Exit(1)
	}
}
