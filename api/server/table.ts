/** Tables as `kubectl get` and `mill get` show them (meta.k8s.io/v1): the server prints, every client shows the same. */
import { type AnyObject, type KindName, kindDefinition } from '../kinds/index.ts';
import type { ObjectMeta } from '../meta.ts';
import type { Reader } from '../store.ts';

export interface TableColumn {
  readonly name: string;
  readonly type: 'string' | 'integer';
  readonly format: '' | 'name';
  readonly description: string;
  /** 0 is always shown, 1 with `-o wide` only. */
  readonly priority: 0 | 1;
}

/** How much of the object each row carries. */
export type RowObject = 'None' | 'Metadata' | 'Object';

export interface TableRow {
  readonly cells: readonly (string | number)[];
  readonly object?:
    | AnyObject
    | { readonly kind: 'PartialObjectMetadata'; readonly apiVersion: string; readonly metadata: ObjectMeta };
}

export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: 'meta.k8s.io/v1';
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  readonly columnDefinitions: readonly TableColumn[];
  readonly rows: readonly TableRow[];
}

export interface TableContext {
  readonly reader: Reader;
  readonly nowMs: number;
  readonly rowObject: RowObject;
}

/** @param metadata of the list or the event that the table shows */
export function tableOf(
  kind: KindName,
  objects: readonly AnyObject[],
  metadata: Table['metadata'],
  { reader, nowMs, rowObject }: TableContext,
): Table {
  const { columns } = kindDefinition(kind);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columnsOf(kind),
    rows: objects.map((object) => ({
      cells: [object.metadata.name, ...columns.map((column) => column.value(object, reader, nowMs))],
      ...rowObjectOf(object, rowObject),
    })),
  };
}

function columnsOf(kind: KindName): TableColumn[] {
  const name: TableColumn = {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'name',
    priority: 0,
  };
  return [
    name,
    ...kindDefinition(kind).columns.map(
      (column): TableColumn => ({
        name: column.name,
        // A cell may be a number in one row and a dash in the next: clients print both as they are.
        type: 'string',
        format: '',
        description: column.description,
        priority: column.wide ? 1 : 0,
      }),
    ),
  ];
}

function rowObjectOf(object: AnyObject, rowObject: RowObject): Pick<TableRow, 'object'> {
  if (rowObject === 'None') return {};
  if (rowObject === 'Object') return { object };
  return {
    object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
  };
}
