/** Discovery: which groups and resources there are (Kubernetes API conventions, plain JSON). */
import { KIND_NAMES, KINDS, kindDefinition } from '../../kinds/index.ts';
import { API_VERSION, GROUP, VERSION } from '../../meta.ts';

const groupVersion = { groupVersion: API_VERSION, version: VERSION };
const group = { name: GROUP, versions: [groupVersion], preferredVersion: groupVersion };

/** `/api`: there is no core group. */
export const apiVersions = { kind: 'APIVersions', versions: [], serverAddressByClientCIDRs: [] };
/** `/apis` */
export const apiGroupList = { kind: 'APIGroupList', apiVersion: 'v1', groups: [group] };
/** `/apis/mill.dev` */
export const apiGroup = { kind: 'APIGroup', apiVersion: 'v1', ...group };

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'update', 'patch', 'delete'];
const REPLACE = ['get', 'update', 'patch'];

/** `/apis/mill.dev/v1alpha1` */
export const apiResourceList = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: API_VERSION,
  resources: KIND_NAMES.flatMap((kind) => {
    const { plural, singular, shortNames } = kindDefinition(kind);
    const resource = {
      name: plural,
      singularName: singular,
      namespaced: false,
      kind,
      verbs: [...READ, ...WRITE],
      ...(shortNames.length ? { shortNames } : {}),
      categories: ['mill'],
    };
    const status = { name: `${plural}/status`, singularName: '', namespaced: false, kind, verbs: REPLACE };
    return [resource, status, ...(kind === KINDS.Service.kind ? [scaleResource(plural)] : [])];
  }),
};

function scaleResource(plural: string) {
  return {
    name: `${plural}/scale`,
    singularName: '',
    namespaced: false,
    group: 'autoscaling',
    version: 'v1',
    kind: 'Scale',
    verbs: REPLACE,
  };
}
