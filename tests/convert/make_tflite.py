# SPDX-License-Identifier: Apache-2.0
# Makes tflite.pack for models.c and hostile_tflite.c: TFLite models of one operator each, with inputs
# and what TensorFlow Lite's reference kernels make of them (where they lack an operator, or are known to
# be wrong, its default kernels), and damaged files with the sentence that refuses them. The records
# are those of make_models.py; tolerance 1 of an integer result is one unit.
import sys
from tflite_build import *

rng0=np.random.default_rng(5); rng1=np.random.default_rng(6)
def F(n,s): return T(n,'f32',s)
def Q(n,s,sc=0.05,zp=3,dt='i8'): return T(n,dt,s,scale=sc,zp=zp)
def C(n,a,**k): return const(n,np.asarray(a),**k)
def i32(*a): return np.array(a,np.int32)
def un(code,shape=(2,3,5),feeds=None,opts=None,q=None,qo=None,lsb=1,name=None):
    x=F('x',shape);y=F('y',shape); case(name or 'f32_'+code.lower(),[x],[y],[Op(code,[x],[y],opts)],feeds)
    if q:
        x=Q('x',shape,*q);y=Q('y',shape,*qo); case((name or code.lower()).replace('f32_','')+'_int8' ,[x],[y],[Op(code,[x],[y],opts and dict(opts))],lsb=lsb)
pos=[lambda r:(np.abs(r.standard_normal((2,3,5)))+.1).astype(np.float32)]
for c in ['ABS','CEIL','COS','ELU','EXP','FLOOR','HARD_SWISH','LOGISTIC','NEG','RELU','RELU6','RELU_N1_TO_1','RELU_0_TO_1','ROUND','SIGN','SIN','SQUARE','TANH','LOG_SOFTMAX','L2_NORMALIZATION']:
    q={'ABS':((.05,3),(.05,-20)),'ELU':((.05,3),(.06,-100)),'EXP':((.02,3),(.05,-128)),'HARD_SWISH':((.05,3),(.03,-90)),'LOGISTIC':((.05,3),(1/256,-128)),'RELU':((.05,3),(.04,-128)),'RELU6':((.05,3),(6/255,-128)),'RELU_N1_TO_1':((.05,3),(2/255,0)),'RELU_0_TO_1':((.05,3),(1/255,-128)),'TANH':((.05,3),(1/128,0)),'LOG_SOFTMAX':((.05,3),(16/256,127)),'L2_NORMALIZATION':((.05,3),(1/128,0)),'NEG':((.05,3),(.05,-3))}.get(c)
    un(c,q=q and q[0],qo=q and q[1])
for c in ['LOG','RSQRT','SQRT']:
    un(c,feeds=pos)
un('GELU',opts={'approximate':False},q=(.05,3),qo=(.05,-100)); un('GELU',opts={'approximate':True},name='f32_gelu_tanh')
un('LEAKY_RELU',opts={'alpha':.2},q=(.05,3),qo=(.05,-60))
un('SOFTMAX',opts={'beta':1.0},q=(.05,3),qo=(1/256,-128)); un('SOFTMAX',opts={'beta':.7},name='f32_softmax_beta')
un('ZEROS_LIKE')
for c,b in [('ADD',0),('SUB',1),('MUL',3),('DIV',0)]:
  for sa,sb in [((2,3,4),(4,)),((2,1,4),(1,3,1))]:
    a,bb=F('a',sa),F('b',sb); so=np.broadcast_shapes(sa,sb); y=F('y',so)
    case('f32_%s_%dx%d'%(c.lower(),len(sa),len(sb))+('b' if sa!=sb and len(sa)==len(sb) else ''),[a,bb],[y],[Op(c,[a,bb],[y],{'fusedActivationFunction':b})])
    if c!='DIV':
      for dt,za,zb,zo in (('i8',3,-5,10),('u8',120,131,100),('i16',0,0,0)):
        a,bb=T('a',dt,sa,scale=.05,zp=za),T('b',dt,sb,scale=.03,zp=zb); y=T('y',dt,so,scale=.1 if c!='MUL' else .07,zp=zo)
        if dt=='i16': a.scale=5e-5;bb.scale=3e-5;y.scale=1e-4 if c!='MUL' else 6e-5
        o={'fusedActivationFunction':b}
        if dt=='i16' and c in('ADD','SUB'): o['potScaleInt16']=False
        case('%s_%s_%dx%d'%(dt,c.lower(),len(sa),len(sb))+('b' if sa!=sb and len(sa)==len(sb) else ''),[a,bb],[y],[Op(c,[a,bb],[y],o)])
  a,bb=T('a','i32',(2,3)),T('b','i32',(3,)); y=T('y','i32',(2,3))
  case('i32_'+c.lower(),[a,bb],[y],[Op(c,[a,bb],[y],{'fusedActivationFunction':0})],[None,lambda r:np.array([1,2,-3],np.int32)])
for c in ['MAXIMUM','MINIMUM','SQUARED_DIFFERENCE','POW','FLOOR_DIV','FLOOR_MOD','EQUAL','NOT_EQUAL','LESS','LESS_EQUAL','GREATER','GREATER_EQUAL']:
  cmp=c in('EQUAL','NOT_EQUAL','LESS','LESS_EQUAL','GREATER','GREATER_EQUAL')
  for dt in ('f32','i32','i8','i64'):
    a,bb=T('a',dt,(2,3,4)),T('b',dt,(3,1) if c!='POW' else (4,)); y=T('y','bool' if cmp else dt,(2,3,4))
    if dt=='i8':
      a.scale=.05;a.zp=3;bb.scale=.05;bb.zp=3;y.scale=None if cmp else (.05 if c!='SQUARED_DIFFERENCE' else .3);y.zp=3
      if c in('POW','FLOOR_DIV','FLOOR_MOD'): continue
    if dt=='i64' and c in('SQUARED_DIFFERENCE','POW','FLOOR_DIV'): continue
    feeds=None
    if c=='POW': feeds=[lambda r:(np.abs(r.standard_normal((2,3,4)))+.2).astype(NP[dt]) if dt=='f32' else r.integers(1,5,(2,3,4)).astype(NP[dt]), lambda r:np.array([0,1,2,3]).astype(NP[dt])]
    if c in('FLOOR_DIV','FLOOR_MOD'): feeds=[None,lambda r:np.array([[2],[-3],[5]]).astype(NP[dt])]
    case(dt+'_'+c.lower(),[a,bb],[y],[Op(c,[a,bb],[y])],feeds)
x,al=F('x',(1,4,5,6)),None
al=C('alpha',rng0.standard_normal((1,1,6)).astype(np.float32)); y=F('y',(1,4,5,6)); case('f32_prelu_real',[x],[y],[Op('PRELU',[x,al],[y])])
x=Q('x',(1,4,5,6)); al=C('alpha',rng0.integers(-100,100,(1,1,6)).astype(np.int8),scale=.01,zp=2); y=Q('y',(1,4,5,6),.04,-10); case('int8_prelu_real',[x],[y],[Op('PRELU',[x,al],[y])])
a,b,c2=F('a',(2,3)),F('b',(2,3)),F('c',(2,3)); y=F('y',(2,3)); case('f32_add_n',[a,b,c2],[y],[Op('ADD_N',[a,b,c2],[y])])
for c in ['LOGICAL_AND','LOGICAL_OR']:
  a,b=T('a','bool',(2,3)),T('b','bool',(3,)); y=T('y','bool',(2,3)); case('bool_'+c.lower(),[a,b],[y],[Op(c,[a,b],[y])])
a=T('a','bool',(2,3)); y=T('y','bool',(2,3)); case('bool_not',[a],[y],[Op('LOGICAL_NOT',[a],[y])])
for c in ['SUM','MEAN','REDUCE_MAX','REDUCE_MIN','REDUCE_PROD']:
  for k,ax,keep in [('a',[1,2],True),('b',[-1],False)]:
    x=F('x',(2,3,4,3)); so=[ (1 if i in [a%4 for a in ax] else n) if keep else n for i,n in enumerate((2,3,4,3)) if keep or i not in [a%4 for a in ax]]
    y=F('y',so); case('f32_%s_%s'%(c.lower(),k),[x],[y],[Op(c,[x,C('axes',i32(*ax))],[y],{'keepDims':keep})])
    if c!='REDUCE_PROD' :
      for dt,z in (('i8',4),('i16',0)):
        x=T('x',dt,(2,3,4,3),scale=.05,zp=z); same=c.startswith('REDUCE'); y=T('y',dt,so,scale=.05 if same else .03 if c=='MEAN' else .2,zp=z if same or dt=='i16' else -7)
        case('%s_%s_%s'%(dt,c.lower(),k),[x],[y],[Op(c,[x,C('axes',i32(*ax))],[y],{'keepDims':keep})],ref=c!='SUM')
    if c in('SUM','REDUCE_MAX','REDUCE_PROD','MEAN'):
      x=T('x','i32',(2,3,4,3)); y=T('y','i32',so); case('i32_%s_%s'%(c.lower(),k),[x],[y],[Op(c,[x,C('axes',i32(*ax))],[y],{'keepDims':keep})])
for c in ['REDUCE_ANY','REDUCE_ALL']:
    x=T('x','bool',(2,3,4)); y=T('y','bool',(2,4)); case('bool_'+c.lower(),[x],[y],[Op(c,[x,C('axes',i32(1))],[y],{'keepDims':False})])
for c in ['ARG_MAX','ARG_MIN']:
  for dt in ('f32','i8','i32'):
    for ot in ('i32','i64'):
      x=T('x',dt,(2,3,7),scale=.1 if dt=='i8' else None); y=T('y',ot,(2,3)); case('%s_%s_%s'%(dt,c.lower(),ot),[x],[y],[Op(c,[x,C('ax',i32(-1))],[y],{'outputType':TT[ot]})])
for ex in(False,True):
  for rv in(False,True):
    x=F('x',(2,5));y=F('y',(2,5)); case('f32_cumsum_%d%d'%(ex,rv),[x],[y],[Op('CUMSUM',[x,C('a',i32(1))],[y],{'exclusive':ex,'reverse':rv})])
# movers, in f32 and int8
def mv(name,code,shape,so,extra,opts=None,dts=('f32','i8','i32','i16'),first=True,feeds=None):
  for dt in dts:
    q=dict(scale=.05,zp=3) if dt=='i8' else dict(scale=1e-3) if dt=='i16' else {}
    x=T('x',dt,shape,**q); y=T('y',dt,so,**q); ins=[x]+extra if first else extra+[x]
    case(dt+'_'+name,[x],[y],[Op(code,ins,[y],dict(opts) if opts else None)],feeds)
mv('reshape','RESHAPE',(2,3,4),(4,6),[C('s',i32(4,-1))],{'newShape':[4,-1]})
mv('squeeze','SQUEEZE',(1,3,1,4),(3,1,4),[],{'squeezeDims':[0]})
mv('squeeze_all','SQUEEZE',(1,3,1,4),(3,4),[],{'squeezeDims':[]})
mv('expand_dims','EXPAND_DIMS',(3,4),(3,1,4),[C('a',i32(1))])
mv('transpose','TRANSPOSE',(2,3,4,3),(5,2,4,3),[C('p',i32(3,0,2,1))])
mv('tile','TILE',(2,3),(4,9),[C('m',i32(2,3))],dts=('f32','i8','i32'))
mv('broadcast_to','BROADCAST_TO',(1,3),(2,4,3),[C('m',i32(2,4,3))],{'version':2},dts=('f32','i8','i32'))
mv('slice','SLICE',(3,4,5),(2,2,3),[C('b',i32(1,1,2)),C('s',i32(2,2,-1))])
mv('gather0','GATHER',(5,3),(4,3),[C('i',i32(4,0,2,2))],{'axis':0,'batchDims':0})
mv('gather1','GATHER',(2,5,3),(2,2,2,3),[C('i',np.array([[4,0],[2,2]],np.int32))],{'axis':1,'batchDims':0})
mv('gather_batch','GATHER',(2,5,3),(2,2,3),[C('i',np.array([[4,0],[2,2]],np.int32))],{'axis':1,'batchDims':1})
mv('gather_batch2','GATHER',(2,3,5),(2,3,2),[C('i',np.array([[4,0],[2,2]],np.int32))],{'axis':2,'batchDims':1})
mv('gather_nd','GATHER_ND',(3,4,5),(2,5),[C('i',np.array([[0,1],[2,3]],np.int32))],dts=('f32','i8','i32'))
mv('reverse','REVERSE_V2',(2,3,4),(2,3,4),[C('a',i32(1))],dts=('f32','i32'))
mv('reverse_seq','REVERSE_SEQUENCE',(2,5,3),(2,5,3),[C('l',i32(3,4))],{'seqDim':1,'batchDim':0},dts=('f32','i32'))
mv('pad','PAD',(1,3,4,2),(1,6,5,2),[C('p',np.array([[0,0],[1,2],[0,1],[0,0]],np.int32))])
mv('pad3','PAD',(3,4),(4,6),[C('p',np.array([[1,0],[1,1]],np.int32))],dts=('f32','i8','i32'))
mv('mirror_reflect','MIRROR_PAD',(3,4),(6,6),[C('p',np.array([[2,1],[1,1]],np.int32))],{'mode':0},dts=('f32','i8','i32'))
mv('mirror_symmetric','MIRROR_PAD',(3,4),(7,7),[C('p',np.array([[2,2],[3,0]],np.int32))],{'mode':1},dts=('f32','i8','i32'))
mv('depth_to_space','DEPTH_TO_SPACE',(1,2,3,8),(1,4,6,2),[],{'blockSize':2},dts=('f32','i8','i32'))
mv('space_to_depth','SPACE_TO_DEPTH',(1,4,6,2),(1,2,3,8),[],{'blockSize':2},dts=('f32','i8','i32'))
mv('space_to_batch','SPACE_TO_BATCH_ND',(1,4,5,2),(6,2,2,2),[C('b',i32(2,3)),C('p',np.array([[0,0],[0,1]],np.int32))],dts=('f32','i8'))
mv('batch_to_space','BATCH_TO_SPACE_ND',(6,2,2,2),(1,3,5,2),[C('b',i32(2,3)),C('p',np.array([[1,0],[0,1]],np.int32))],dts=('f32','i8'))
mv('space_to_batch1','SPACE_TO_BATCH_ND',(2,4,3),(4,3,3),[C('b',i32(2)),C('p',np.array([[1,1]],np.int32))],dts=('f32','i8'))
mv('ss_basic','STRIDED_SLICE',(4,5,6),(2,2,6),[C('b',i32(1,0,0)),C('e',i32(3,5,6)),C('s',i32(1,3,1))],{})
mv('ss_neg','STRIDED_SLICE',(4,5),(4,5),[C('b',i32(-1,0)),C('e',i32(0,0)),C('s',i32(-1,1))],{'endMask':3,'beginMask':3},dts=('f32','i8','i32'))
mv('ss_shrink','STRIDED_SLICE',(4,5,6),(5,3),[C('b',i32(2,0,-4)),C('e',i32(3,0,-1)),C('s',i32(1,1,1))],{'shrinkAxisMask':1,'endMask':2,'beginMask':2},dts=('f32','i8','i32'))
mv('ss_ellipsis','STRIDED_SLICE',(4,5,6),(4,5,1,3),[C('b',i32(0,0,1)),C('e',i32(0,0,4)),C('s',i32(1,1,1))],{'ellipsisMask':1,'newAxisMask':2},dts=('f32','i8','i32'))
for dt in('f32','i8','i32'):
    q=dict(scale=.05,zp=3) if dt=='i8' else {}
    x=T('x',dt,(4,6),**q); ys=[T('y%d'%i,dt,(4,2),**q) for i in range(3)]; case(dt+'_split',[x],ys,[Op('SPLIT',[C('a',i32(1)),x],ys,{'numSplits':3})])
    x=T('x',dt,(4,6),**q); ys=[T('y%d'%i,dt,(4,n),**q) for i,n in enumerate((1,3,2))]; case(dt+'_split_v',[x],ys,[Op('SPLIT_V',[x,C('s',i32(1,-1,2)),C('a',i32(1))],ys,{'numSplits':3})])
    x=T('x',dt,(2,3,4),**q); ys=[T('y%d'%i,dt,(2,4),**q) for i in range(3)]; case(dt+'_unpack',[x],ys,[Op('UNPACK',[x],ys,{'num':3,'axis':1})])
    xs=[T('x%d'%i,dt,(2,4),**q) for i in range(3)]; y=T('y',dt,(2,4,3),**q); case(dt+'_pack',xs,[y],[Op('PACK',xs,[y],{'valuesCount':3,'axis':-1})])
    xs=[T('x%d'%i,dt,(2,i+1,3),**q) for i in range(3)]; y=T('y',dt,(2,6,3),**q); case(dt+'_concat',xs,[y],[Op('CONCATENATION',xs,[y],{'axis':1,'fusedActivationFunction':0})])
# index
x=F('x',(2,7)); v,i=F('v',(2,3)),T('i','i32',(2,3)); case('f32_topk',[x],[v,i],[Op('TOPK_V2',[x,const('k',np.array(3,np.int32))],[v,i])])
x=T('x','i8',(2,7),scale=.1,zp=2); v,i=T('v','i8',(2,3),scale=.1,zp=2),T('i','i32',(2,3)); case('i8_topk',[x],[v,i],[Op('TOPK_V2',[x,const('k',np.array(3,np.int32))],[v,i])],[lambda r:r.permutation(256)[:14].reshape(2,7).astype(np.int16).__sub__(128).astype(np.int8)])
x=T('x','i32',(2,3)); y=F('y',(2,3,4)); case('one_hot',[x],[y],[Op('ONE_HOT',[x,const('d',np.array(4,np.int32)),const('on',np.array(2.,np.float32)),const('off',np.array(-1.,np.float32))],[y],{'axis':-1})],[lambda r:r.integers(-1,6,(2,3)).astype(np.int32)])
x=T('x','i32',(2,3)); y=T('y','i32',(4,2,3)); case('one_hot_i32',[x],[y],[Op('ONE_HOT',[x,const('d',np.array(4,np.int32)),const('on',np.array(2,np.int32)),const('off',np.array(0,np.int32))],[y],{'axis':0})],[lambda r:r.integers(0,4,(2,3)).astype(np.int32)])
x=T('x','bool',(2,3)); y=T('y','i64',(6,2)); case('where',[x],[y],[Op('WHERE',[x],[y])])
u=F('u',(3,2)); y=F('y',(5,2)); case('scatter_nd',[u],[y],[Op('SCATTER_ND',[C('i',np.array([[1],[3],[1]],np.int32)),u,C('s',i32(5,2))],[y])])
v=F('v',(3,)); y=F('y',(4,3)); case('sparse_to_dense',[v],[y],[Op('SPARSE_TO_DENSE',[C('i',np.array([[0,1],[2,0],[3,2]],np.int32)),C('s',i32(4,3)),v,const('d',np.array(.5,np.float32))],[y],{'validateIndices':False})])
c1,a,b=T('c','bool',(2,3)),F('a',(2,3)),F('b',(2,3)); y=F('y',(2,3)); case('select',[c1,a,b],[y],[Op('SELECT',[c1,a,b],[y])])
c1,a,b=T('c','bool',(2,)),F('a',(2,3)),F('b',(2,3)); y=F('y',(2,3)); case('select_rank1',[c1,a,b],[y],[Op('SELECT',[c1,a,b],[y])])
c1,a,b=T('c','bool',(3,)),F('a',(2,1)),F('b',(2,3)); y=F('y',(2,3)); case('select_v2',[c1,a,b],[y],[Op('SELECT_V2',[c1,a,b],[y])])
c1,a,b=T('c','bool',(2,3)),Q('a',(2,3)),Q('b',(2,3)); y=Q('y',(2,3)); case('select_v2_i8',[c1,a,b],[y],[Op('SELECT_V2',[c1,a,b],[y])])
x=F('x',(2,3)); y=T('y','i32',(2,)); case('shape',[x],[y],[Op('SHAPE',[x],[y],{'outType':TT['i32']})])
x=F('x',(2,3)); y=T('y','i32',()); case('rank',[x],[y],[Op('RANK',[x],[y])])
x=F('x',()); y=F('y',(2,3)); case('fill',[x],[y],[Op('FILL',[C('d',i32(2,3)),x],[y])])
for dt in('f32','i32'):
  a=T('a',dt,()); y=T('y',dt,(3,)); case('range_'+dt,[a],[y],[Op('RANGE',[const('s',np.array(0,NP[dt])),a,const('d',np.array(2,NP[dt]))],[y])],[lambda r:np.array(7,NP[dt])])
for a,b in [('f32','i32'),('i32','f32'),('bool','f32'),('f32','bool'),('i64','i32'),('u8','f32'),('f32','u8'),('f32','i8'),('i32','i64'),('i32','i16')]:
  x=T('x',a,(2,3)); y=T('y',b,(2,3)); case('cast_%s_%s'%(a,b),[x],[y],[Op('CAST',[x],[y],{'inDataType':TT[a],'outDataType':TT[b]})],[lambda r:r.integers(0,6,(2,3)).astype(NP[a])])
x=F('x',(2,3)); v=T('h','f16',(2,3)); y=F('y',(2,3)); case('cast_through_f16',[x],[y],[Op('CAST',[x],[v],{'inDataType':TT['f32'],'outDataType':TT['f16']}),Op('CAST',[v],[y],{'inDataType':TT['f16'],'outDataType':TT['f32']})],[lambda r:(r.standard_normal((2,3))*900).astype(np.float32)])
def boxes(r):
  c=r.uniform(0,1,(12,2)); s=r.uniform(.1,.5,(12,2)); return np.concatenate([c-s/2,c+s/2],1).astype(np.float32)
bx,sc=F('boxes',(12,4)),F('scores',(12,)); o1,o2=T('sel','i32',(5,)),T('n','i32',())
case('nms_v4',[bx,sc],[o1,o2],[Op('NON_MAX_SUPPRESSION_V4',[bx,sc,const('m',np.array(5,np.int32)),const('iou',np.array(.3,np.float32)),const('th',np.array(.2,np.float32))],[o1,o2])],[boxes,lambda r:r.uniform(0,1,12).astype(np.float32)])
o3=F('ss',(5,))
case('nms_v5',[bx,sc],[o1,o3,o2],[Op('NON_MAX_SUPPRESSION_V5',[bx,sc,const('m',np.array(5,np.int32)),const('iou',np.array(.3,np.float32)),const('th',np.array(.2,np.float32)),const('sg',np.array(0,np.float32))],[o1,o3,o2])],[boxes,lambda r:r.uniform(0,1,12).astype(np.float32)])
x=F('x',(8,)); y,i=F('y',(8,)),T('i','i32',(8,)); case('unique',[x],[y,i],[Op('UNIQUE',[x],[y,i],{'idxOutType':TT['i32']})],[lambda r:r.integers(0,4,8).astype(np.float32)])
# pictures
for pad in(0,1):
  for act in(0,3):
    x=F('x',(1,7,8,4)); y=F('y',(1,4,4,4) if pad==0 else (1,3,3,4)); o={'padding':pad,'strideH':2,'strideW':2,'filterHeight':3,'filterWidth':3,'fusedActivationFunction':act}
    for c in('AVERAGE_POOL_2D','MAX_POOL_2D','L2_POOL_2D'): case('f32_%s_%d%d'%(c.lower(),pad,act),[x],[y],[Op(c,[x],[y],dict(o))])
    for dt,z in(('i8',3),('u8',130),('i16',0)):
      x=T('x',dt,(1,7,8,4),scale=.03 if dt!='i16' else 3e-4,zp=z); y=T('y',dt,y.shape,scale=x.scale,zp=z)
      for c in('AVERAGE_POOL_2D','MAX_POOL_2D'): case('%s_%s_%d%d'%(dt,c.lower(),pad,act),[x],[y],[Op(c,[x],[y],dict(o))])
for al,hp in((False,False),(True,False),(False,True)):
  for so in((6,5),(3,7)):
    for c in('RESIZE_BILINEAR','RESIZE_NEAREST_NEIGHBOR'):
      for dt in('f32','i8','i16'):
        q=dict(scale=.05,zp=3) if dt=='i8' else dict(scale=1e-3) if dt=='i16' else {}
        x=T('x',dt,(1,4,5,3),**q); y=T('y',dt,(1,)+so+(3,),**q); case('%s_%s_%d%d_%dx%d'%(dt,c.lower(),al,hp,*so),[x],[y],[Op(c,[x,C('s',i32(*so))],[y],{'alignCorners':al,'halfPixelCenters':hp})],lsb=2 if c=='RESIZE_BILINEAR' else 1)
x=F('x',(1,2,3,7)); y=F('y',(1,2,3,7)); case('lrn',[x],[y],[Op('LOCAL_RESPONSE_NORMALIZATION',[x],[y],{'radius':2,'bias':1.5,'alpha':.3,'beta':.75})],ref=False)
# conv family
def conv(name,xs,ws,so,o,dt='f32',dw=False,act=0,out=None,sc=None):
  n=ws[3] if dw else ws[0]; r=np.random.default_rng(7)
  code='DEPTHWISE_CONV_2D' if dw else 'CONV_2D'; o=dict(o,fusedActivationFunction=act)
  if dt in('f32','dyn'):
    x=F('x',xs); y=F('y',so); w=r.standard_normal(ws).astype(np.float32)*.2; b=C('b',r.standard_normal(n).astype(np.float32))
    if dt=='f32': W=C('w',w)
    else:
      s=np.abs(w).max(axis=(0,1,2) if dw else (1,2,3))/127; q=np.round(w/(s.reshape((1,1,1,-1)) if dw else s.reshape((-1,1,1,1)))).astype(np.int8); W=const('w',q,scale=s,axis=3 if dw else 0)
    case(name,[x],[y],[Op(code,[x,W,b],[y],o)],atol=1e-4 if dt=='f32' else 1e-3)
  else:
    z={'i8':-7,'u8':140,'i16':0}[dt]; xs_=.04 if dt!='i16' else 2e-4; ys_=.05 if dt!='i16' else 3e-4
    x=T('x',dt,xs,scale=xs_,zp=z); y=T('y',dt,so,scale=ys_,zp={'i8':10,'u8':100,'i16':0}[dt])
    if dt=='u8':
      W=const('w',r.integers(0,256,ws).astype(np.uint8),scale=.003,zp=119); b=const('b',r.integers(-3000,3000,n).astype(np.int32),scale=xs_*.003)
    else:
      s=r.uniform(.001,.004,n); W=const('w',r.integers(-127,128,ws).astype(np.int8),scale=s,axis=3 if dw else 0); bt=np.int64 if dt=='i16' else np.int32
      b=const('b',r.integers(-3000,3000,n).astype(bt),scale=s*xs_)
      if dt=='i16': o['quantizedBiasType']=TT['i64']
      if dw or dt!='i16': o.pop('quantizedBiasType',None)
    case(name,[x],[y],[Op(code,[x,W,b],[y],o)])
for dt in('f32','i8','u8','i16','dyn'):
  conv(dt+'_conv_same_s2',(1,7,8,5),(6,3,3,5),(1,4,4,6),dict(padding=0,strideW=2,strideH=2,dilationWFactor=1,dilationHFactor=1),dt,act=3)
  conv(dt+'_conv_valid',(2,7,8,5),(6,3,2,5),(2,5,7,6),dict(padding=1,strideW=1,strideH=1,dilationWFactor=1,dilationHFactor=1),dt,act=1)
  conv(dt+'_conv_dil',(1,9,9,4),(6,3,3,4),(1,9,9,6),dict(padding=0,strideW=1,strideH=1,dilationWFactor=2,dilationHFactor=2),dt)
  conv(dt+'_conv_1x1',(1,5,5,67),(9,1,1,67),(1,5,5,9),dict(padding=0,strideW=1,strideH=1,dilationWFactor=1,dilationHFactor=1),dt)
  conv(dt+'_conv_group',(1,5,5,8),(6,3,3,4),(1,5,5,6),dict(padding=0,strideW=1,strideH=1,dilationWFactor=1,dilationHFactor=1),dt)
  conv(dt+'_dw_s1',(1,6,7,9),(1,3,3,9),(1,6,7,9),dict(padding=0,strideW=1,strideH=1,depthMultiplier=1,dilationWFactor=1,dilationHFactor=1),dt,True,3)
  conv(dt+'_dw_mult',(1,6,7,3),(1,3,3,6),(1,3,4,6),dict(padding=0,strideW=2,strideH=2,depthMultiplier=2,dilationWFactor=1,dilationHFactor=1),dt,True,1)
  conv(dt+'_dw_dil',(2,9,9,4),(1,3,3,4),(2,5,5,4),dict(padding=1,strideW=1,strideH=1,depthMultiplier=1,dilationWFactor=2,dilationHFactor=2),dt,True)
def fc(name,xs,n,so,dt,act=0,keep=False,asym=True,per=True):
  r=np.random.default_rng(8); k=xs[-1]; o=dict(fusedActivationFunction=act,keepNumDims=keep,asymmetricQuantizeInputs=asym)
  if dt in('f32','dyn'):
    x=F('x',xs); y=F('y',so); w=r.standard_normal((n,k)).astype(np.float32)*.2; b=C('b',r.standard_normal(n).astype(np.float32)); W=C('w',w)
    if dt=='dyn':
      s=np.abs(w).max(axis=1)/127 if per else np.abs(w).max()/127; W=const('w',np.round(w/(s[:,None] if per else s)).astype(np.int8),scale=s); o['version']=9 if per else 3
    case(name,[x],[y],[Op('FULLY_CONNECTED',[x,W,b],[y],o)],atol=1e-4 if dt=='f32' else 1e-3)
  else:
    z={'i8':-7,'u8':140,'i16':0}[dt]; xs_=.04 if dt!='i16' else 2e-4
    x=T('x',dt,xs,scale=xs_,zp=z); y=T('y',dt,so,scale=.05 if dt!='i16' else 4e-4,zp={'i8':10,'u8':100,'i16':0}[dt])
    W=const('w',r.integers(-127,128,(n,k)).astype(np.int8),scale=.002) if dt!='u8' else const('w',r.integers(0,256,(n,k)).astype(np.uint8),scale=.002,zp=131)
    b=const('b',r.integers(-3000,3000,n).astype(np.int64 if dt=='i16' else np.int32),scale=.002*xs_)
    if dt=='i16': o['version']=11;o['quantizedBiasType']=TT['i64']
    case(name,[x],[y],[Op('FULLY_CONNECTED',[x,W,b],[y],o)])
for dt in('f32','i8','u8','i16','dyn'):
  fc(dt+'_fc',(3,20),7,(3,7),dt); fc(dt+'_fc_relu_keep',(2,3,20),7,(2,3,7),dt,1,True); fc(dt+'_fc_flat',(2,3,20),7,(6,7),dt,3)
fc('dyn_fc_sym',(3,20),7,(3,7),'dyn',asym=False); fc('dyn_fc_tensor',(3,20),7,(3,7),'dyn',per=False)
# transpose conv
for pad,st,k,so in((0,2,3,(8,10)),(1,2,3,(9,11)),(0,2,2,(8,10)),(1,3,2,(11,14)),(0,1,3,(4,5)),(0,3,5,(12,15)),(1,2,5,(11,13))):
  r=np.random.default_rng(9); x=F('x',(1,4,5,3)); y=F('y',(1,)+so+(6,)); w=C('w',r.standard_normal((6,k,k,3)).astype(np.float32)); b=C('b',r.standard_normal(6).astype(np.float32)); s=C('s',i32(1,*so,6))
  case('f32_tconv_%d%d%d'%(pad,st,k),[x],[y],[Op('TRANSPOSE_CONV',[s,w,x,b],[y],dict(padding=pad,strideW=st,strideH=st,version=3,fusedActivationFunction=0))],atol=1e-4)
  sc=r.uniform(.001,.004,6); x=T('x','i8',(1,4,5,3),scale=.04,zp=-7); y=T('y','i8',(1,)+so+(6,),scale=.03,zp=9); w=const('w',r.integers(-127,128,(6,k,k,3)).astype(np.int8),scale=sc); b=const('b',r.integers(-3000,3000,6).astype(np.int32),scale=sc*.04)
  case('i8_tconv_%d%d%d'%(pad,st,k),[x],[y],[Op('TRANSPOSE_CONV',[s,w,x,b],[y],dict(padding=pad,strideW=st,strideH=st,version=3,fusedActivationFunction=0))])
for ax,ay in((0,0),(1,0),(0,1),(1,1)):
  a=F('a',(2,1,3,4) if not ax else (2,1,4,3)); b=F('b',(5,4,6) if not ay else (5,6,4)); y=F('y',(2,5,3,6)); case('f32_bmm_%d%d'%(ax,ay),[a,b],[y],[Op('BATCH_MATMUL',[a,b],[y],{'adjX':bool(ax),'adjY':bool(ay)})],atol=1e-4)
a=Q('a',(2,3,4)); b=Q('b',(2,4,6),.03,-9); y=Q('y',(2,3,6),.1,4); case('i8_bmm',[a,b],[y],[Op('BATCH_MATMUL',[a,b],[y],{})])
# quantize/dequantize
for a,b,s1,z1,s2,z2 in(('f32','i8',None,0,.05,3),('f32','u8',None,0,.05,130),('f32','i16',None,0,1e-3,0),('i8','f32',.05,3,None,0),('u8','f32',.05,130,None,0),('i16','f32',1e-3,0,None,0),('i8','i8',.05,3,.07,-9),('i8','u8',.05,3,.05,131),('u8','i8',.05,131,.05,3),('i16','i16',1e-3,0,2e-3,0),('i16','i8',1e-3,0,.1,4),('i8','i16',.05,3,1e-3,0)):
  x=T('x',a,(2,3,5),scale=s1,zp=z1); y=T('y',b,(2,3,5),scale=s2,zp=z2); case('q_%s_%s'%(a,b)+('s' if a==b else ''),[x],[y],[Op('QUANTIZE' if b!='f32' else 'DEQUANTIZE',[x],[y])])
for c,so,qo in(('SOFTMAX',(2,3,40),1/32768),('EXP',(2,3,40),1e-3),('ABS',(2,3,40),1e-3),('RELU',(2,3,40),1e-3),('LEAKY_RELU',(2,3,40),1e-3)):
  x=T('x','i16',so,scale=1e-3 if c not in('EXP',) else 1e-4); y=T('y','i16',so,scale=qo); ins=[x]
  case('i16_'+c.lower(),[x],[y],[Op(c,ins,[y],{'beta':1.0} if c=='SOFTMAX' else {'alpha':.3} if c=='LEAKY_RELU' else None)])
# To the bit
for c,qo in(('TANH',1/32768),('LOGISTIC',1/32768),('RSQRT',1e-3)):
  x=T('x','i16',(700,),scale=1.7e-4); y=T('y','i16',(700,),scale=qo)
  case('i16_exact_'+c.lower(),[x],[y],[Op(c,[x],[y])],[lambda r:r.integers(0 if c=='RSQRT' else -32768,32768,700).astype(np.int16)],lsb=0 if c!='RSQRT' else 1)
x=T('x','i16',(40,40),scale=1e-4); y=T('y','i16',(40,20),scale=3e-4); w=const('w',rng1.integers(-127,128,(20,40)).astype(np.int8),scale=[.003+1e-4*k for k in range(20)])
b=const('b',rng1.integers(-30000,30000,20),scale=[1e-4*(.003+1e-4*k) for k in range(20)])
case('i16_exact_fully_connected',[x],[y],[Op('FULLY_CONNECTED',[x,w,b],[y],{'version':4})],lsb=0)
for c in('LESS','GREATER_EQUAL','EQUAL','NOT_EQUAL'):
  a,b=T('a','i8',(30,1),scale=.0372,zp=3),T('b','i8',(30,),scale=.0288,zp=12); y=T('y','bool',(30,30))
  case('i8_exact_'+c.lower(),[a,b],[y],[Op(c,[a,b],[y])])

for c in('TANH','LOGISTIC'): # a scale that is taken for 2^-12
  x=T('x','i16',(99,),scale=1.0004/4096); y=T('y','i16',(99,),scale=1/32768); case('i16_exact_power_'+c.lower(),[x],[y],[Op(c,[x],[y])])
for c,so in(('ADD',1e-4),('SUB',7e-5),('MUL',6e-5)):
  a,b=T('a','i16',(14,1),scale=5.3e-5),T('b','i16',(14,),scale=3.1e-5); y=T('y','i16',(14,14),scale=so)
  case('i16_exact_'+c.lower(),[a,b],[y],[Op(c,[a,b],[y],dict(fusedActivationFunction=1,**({} if c=='MUL' else {'potScaleInt16':False})))],lsb=0)
for dt,z in(('i8',-7),('u8',120),('i16',0)): # a half in every fourth window
  x=T('x',dt,(1,5,6,3),scale=.02 if dt!='i16' else 2e-4,zp=z); y=T('y',dt,(1,3,3,3),scale=x.scale,zp=z)
  case(dt+'_exact_average_pool',[x],[y],[Op('AVERAGE_POOL_2D',[x],[y],dict(padding=0,strideH=2,strideW=2,filterHeight=2,filterWidth=2,fusedActivationFunction=2))],lsb=0)
x=T('x','i16',(2,4,3,9),scale=2.1e-4); y=T('y','i16',(2,9),scale=3.7e-5); case('i16_exact_mean',[x],[y],[Op('MEAN',[x,C('a',i32(1,2))],[y],{'keepDims':False})],lsb=0)
a,b=T('a','i16',(2,1,5,9),scale=1e-4),T('b','i16',(3,9,4),scale=2e-4); y=T('y','i16',(2,3,5,4),scale=2e-3); case('i16_exact_bmm',[a,b],[y],[Op('BATCH_MATMUL',[a,b],[y],{})],lsb=0)
a,b=T('a','i8',(2,1,20,9),scale=.05,zp=3),T('b','i8',(3,9,8),scale=.03,zp=-9); y=T('y','i8',(2,3,20,8),scale=.11,zp=4); case('i8_exact_bmm',[a,b],[y],[Op('BATCH_MATMUL',[a,b],[y],{})],lsb=0)
a,b=T('a','i16',(9,20),scale=1e-4),T('b','i16',(8,20),scale=2e-4); y=T('y','i16',(9,8),scale=3e-3); case('i16_exact_fc_computed',[a,b],[y],[Op('FULLY_CONNECTED',[a,b],[y],{'version':7,'fusedActivationFunction':1})],lsb=0)
for a,b,s1,z1,s2,z2 in(('i16','i16',1e-3,0,2.3e-3,0),('i16','i8',1e-3,0,.3,4),('u8','i16',.05,131,1.7e-3,0)):
  x=T('x',a,(99,),scale=s1,zp=z1); y=T('y',b,(99,),scale=s2,zp=z2); case('q_exact_%s_%s'%(a,b),[x],[y],[Op('QUANTIZE',[x],[y])],lsb=0)
for pad,st,k,so in((0,2,3,(8,10)),(0,1,5,(4,5))):
  r=np.random.default_rng(11); sc=r.uniform(.001,.004,6); w=const('w',r.integers(-127,128,(6,k,k,3)).astype(np.int8),scale=sc); s=C('s',i32(1,*so,6)); o=dict(padding=pad,strideW=st,strideH=st,version=3,fusedActivationFunction=0)
  x=T('x','i16',(1,4,5,3),scale=2e-4); y=T('y','i16',(1,)+so+(6,),scale=3e-4); b=const('b',r.integers(-3000,3000,6),scale=sc*2e-4); case('i16_exact_tconv_%d%d%d'%(pad,st,k),[x],[y],[Op('TRANSPOSE_CONV',[s,w,x,b],[y],dict(o))],lsb=0)
  x=F('x',(1,4,5,3)); y=F('y',(1,)+so+(6,)); b=C('b',r.standard_normal(6).astype(np.float32)); case('dyn_tconv_%d%d%d'%(pad,st,k),[x],[y],[Op('TRANSPOSE_CONV',[s,w,x,b],[y],dict(o))])
for dt,z in(('i8',0),('u8',128)):
  away=lambda zero:lambda r:np.delete(np.arange(z-128,z+128),zero+128-z).astype(NP[dt])[::15] # but 0
  for k,(za,zb,zo,so) in enumerate(((z+3,z-128,z-20,.3),(z-60,z+12,z+33,.07))):
    a,b=T('a',dt,(32,1),scale=.05,zp=za),T('b',dt,(17,),scale=.02,zp=zb); y=T('y',dt,(32,17),scale=so,zp=zo)
    case('%s_exact_div_%d'%(dt,k),[a,b],[y],[Op('DIV',[a,b],[y],{'fusedActivationFunction':k})],[None,away(zb)],lsb=0)
for dt,sx,zx,zo,so in(('i8',.03,5,-9,lambda n:3.2**n/128),('i16',1e-4,0,0,lambda n:2.7**n/32768)):
  for k,(sh,ax) in enumerate((((30,3),(1,)),((2,5,4,7),(2,0)),((9,),(0,)))):
    x=T('x',dt,sh,scale=sx,zp=zx); y=T('y',dt,[n for i,n in enumerate(sh) if i not in ax],scale=so(int(np.prod([sh[i] for i in ax]))),zp=zo)
    case('%s_exact_reduce_prod_%d'%(dt,k),[x],[y],[Op('REDUCE_PROD',[x,C('a',i32(*ax))],[y],{'keepDims':False,'version':2})],lsb=0)

# recurrent
rr=np.random.default_rng(3); f=lambda *s:(rr.standard_normal(s)*.4).astype(np.float32)
def V(n,s): return T(n,'f32',s,var=True)
for tm in(False,True):
  for cifg in(False,True):
    for peep in(False,True):
      I,H,B,TT_=5,4,2,6; xs=(TT_,B,I) if tm else (B,TT_,I); x=T('x','f32',xs); y=T('y','f32',xs[:2]+(H,))
      ins=[x]+[None if cifg and k==0 else const('w%d'%k,f(H,I)) for k in range(4)]+[None if cifg and k==0 else const('r%d'%k,f(H,H)) for k in range(4)]
      ins+=[(None if cifg and k==0 else const('p%d'%k,f(H))) if peep else None for k in range(3)]
      ins+=[None if cifg and k==0 else const('b%d'%k,f(H)) for k in range(4)]+[None,None,V('os',(B,H)),V('cs',(B,H))]+[None]*4
      case('lstm_%d%d%d'%(tm,cifg,peep),[x],[y],[Op('UNIDIRECTIONAL_SEQUENCE_LSTM',ins,[y],{'fusedActivationFunction':4,'timeMajor':tm})])
  x=T('x','f32',xs); y=T('y','f32',xs[:2]+(4,)); case('rnn_%d'%tm,[x],[y],[Op('UNIDIRECTIONAL_SEQUENCE_RNN',[x,const('w',f(4,5)),const('r',f(4,4)),const('b',f(4)),V('s',(2,4))],[y],{'timeMajor':tm,'fusedActivationFunction':4 if tm else 1})])
x=T('x','f32',(2,5)); y=T('y','f32',(2,3)); case('svdf',[x],[y],[Op('SVDF',[x,const('wf',f(6,5)),const('wt',f(6,4)),const('b',f(3)),V('s',(2,24))],[y],{'rank':2,'fusedActivationFunction':1})])
# --- Detection, and options in FlexBuffers ---
from flatbuffers import flexbuffers
def boxes(r,n): return np.concatenate([r.random((n,2)),.1+.3*r.random((n,2))],1).astype(np.float32)
for k,(n,C,bg,more) in enumerate([(40,4,1,dict(use_regular_nms=False,max_classes_per_detection=1)),(40,4,1,dict(use_regular_nms=True,max_classes_per_detection=1,detections_per_class=4)),(60,5,0,dict(max_classes_per_detection=3))]):
  o=dict(max_detections=8,nms_score_threshold=.05,nms_iou_threshold=.5,num_classes=C,y_scale=10.,x_scale=10.,h_scale=5.,w_scale=5.); o.update(more)
  m=o['max_detections']*(1 if o.get('use_regular_nms') else o['max_classes_per_detection'])
  b,s=F('b',(1,n,4)),F('s',(1,n,C+bg)); outs=[F('boxes',(1,m,4)),F('classes',(1,m)),F('scores',(1,m)),F('number',(1,))]
  case('detection_%d'%k,[b,s],outs,[Op('CUSTOM',[b,s,const('a',boxes(rr,n))],outs,custom='TFLite_Detection_PostProcess',copts=bytes(flexbuffers.Dumps(o)))],[None,lambda r:r.random((1,n,C+bg)).astype(np.float32)])
# --- What must be refused, or at least survived ---
def refuse(name,sentence,change=None,code='CONV_2D',shape=(1,5,5,2)):
  x=T('x','i8',shape,scale=.04,zp=-7); y=T('y','i8',(1,5,5,3),scale=.05,zp=10)
  w=const('w',np.ones((3,3,3,2),np.int8),scale=[.001,.002,.003]); b=const('b',i32(1,2,3),scale=[4e-5,8e-5,12e-5])
  o=dict(padding=0,strideW=1,strideH=1,dilationWFactor=1,dilationHFactor=1,fusedActivationFunction=0)
  put(name,build([x],[y],[Op(code,[x,w,b],[y],o if code=='CONV_2D' else None)],change),sentence=sentence)
g=lambda m:m.subgraphs[0]
def quant(t,k,v): return lambda m:setattr(g(m).tensors[t].quantization,k,v)
for what,v in (('0',0),('negative',-.1),('NaN',np.nan),('infinite',np.inf),('denormal',1e-40)):
  refuse('scale '+what,'is not a number between',quant(0,'scale',np.array([v],np.float32)))
refuse('scale of a channel NaN','is not a number between',quant(1,'scale',np.array([.1,np.nan,.1],np.float32)))
refuse('too many scales','has 2 scales along dimension 0',quant(1,'scale',np.array([.1,.1],np.float32)))
refuse('several scales of an activation','has 2 scales',quant(0,'scale',np.array([.1,.1],np.float32)))
refuse('zero point','zero point 500',quant(0,'zeroPoint',np.array([500],np.int64)))
refuse('dimension of the scales','dimension 9',quant(1,'quantizedDimension',9))
refuse('short buffer','has 53 bytes, wanted 54',lambda m:setattr(m.buffers[1],'data',m.buffers[1].data[:53]))
refuse('no buffer',"its input 'b' is computed by no earlier node",lambda m:setattr(g(m).tensors[2],'buffer',0))
refuse('buffer out of range','computed by no earlier node',lambda m:setattr(g(m).tensors[1],'buffer',1000))
refuse('buffer outside','a buffer reaches out of the file',lambda m:(setattr(m.buffers[1],'data',None),setattr(m.buffers[1],'offset',1<<40),setattr(m.buffers[1],'size',1<<40)))
refuse('operator index','a node names operator 7 of 1',lambda m:setattr(g(m).operators[0],'opcodeIndex',7))
refuse('operator of the future','lacks 1 operator of this TFLite model: builtin 4000',lambda m:setattr(m.operatorCodes[0],'builtinCode',4000))
refuse('table','tables of strings or numbers are not part of a run',code='HASHTABLE_FIND')
refuse('variable','is no variable',code='READ_VARIABLE')
# Graphs that nodes run: missing, of another number of values, running themselves.
def graphs(code,options,inputs=1,nodes=None,count=3):
  def change(m):
    o=g(m).operators[0]; o.inputs=[0]*inputs; o.outputs=[2]; o.builtinOptionsType,o.builtinOptions=options
    for k in range(1,count):
      s=S.SubGraphT(); s.tensors=g(m).tensors; s.inputs=[0]; s.outputs=[0]; s.operators=list(nodes(m)) if nodes else []; m.subgraphs.append(s)
  return change
def while_options(a,b): o=S.WhileOptionsT(); o.condSubgraphIndex,o.bodySubgraphIndex=a,b; return S.BuiltinOptions.WhileOptions,o
def if_options(a,b): o=S.IfOptionsT(); o.thenSubgraphIndex,o.elseSubgraphIndex=a,b; return S.BuiltinOptions.IfOptions,o
def once_options(a): o=S.CallOnceOptionsT(); o.initSubgraphIndex=a; return S.BuiltinOptions.CallOnceOptions,o
refuse('loop of no graph','its graphs 7 and 8 do not take and give its 1 values',graphs('WHILE',while_options(7,8)),code='WHILE')
refuse('loop of the main graph','its graphs 0 and 0 do not take and give its 1 values',graphs('WHILE',while_options(0,0)),code='WHILE')
refuse('loop of negative graphs','its graphs -1 and -5 do not take and give its 1 values',graphs('WHILE',while_options(-1,-5)),code='WHILE')
refuse('loop without a condition','its condition is no bool',graphs('WHILE',while_options(1,2)),code='WHILE')
refuse('loop of itself','graphs run one another 16 deep',graphs('WHILE',while_options(1,1),nodes=lambda m:g(m).operators[:1]),code='WHILE')
refuse('branch on int8','its condition is of type u8',graphs('IF',if_options(1,2),inputs=2),code='IF')
refuse('initializer of no graph','it runs graph',graphs('CALL_ONCE',once_options(9),inputs=0),code='CALL_ONCE')
refuse('initializer of the main graph','it runs graph 0',graphs('CALL_ONCE',once_options(0),inputs=0),code='CALL_ONCE')
refuse('initializer of itself','',graphs('CALL_ONCE',once_options(1),inputs=0,nodes=lambda m:g(m).operators[:1]*40),code='CALL_ONCE')
refuse('custom',"custom operator 'Mine'",lambda m:(setattr(m.operatorCodes[0],'builtinCode',32),setattr(m.operatorCodes[0],'deprecatedBuiltinCode',32),setattr(m.operatorCodes[0],'customCode',b'Mine')))
refuse('custom of no name','lacks 1 operator of this TFLite model: CUSTOM',lambda m:(setattr(m.operatorCodes[0],'builtinCode',32),setattr(m.operatorCodes[0],'deprecatedBuiltinCode',32)))
for k,v in (('inputs',9),('outputs',9),('outputs',-1),('inputs',-2)):
  refuse('%s %d of a node'%(k,v),'it names tensor %d of 4'%v,lambda m:setattr(g(m).operators[0],k,[v]))
  refuse('%s %d of the graph'%(k,v),'it names tensor %d of 4'%v,lambda m:setattr(g(m),k,[v]))
refuse('no inputs','its input 0 is missing',lambda m:setattr(g(m).operators[0],'inputs',[]))
refuse('no weights','its input 1 is missing',lambda m:setattr(g(m).operators[0],'inputs',[0,-1,2]))
refuse('no outputs','computed by no node',lambda m:setattr(g(m).operators[0],'outputs',[]))
refuse('cycle','computed by no earlier node',lambda m:setattr(g(m).operators[0],'inputs',[3,1,2]))
refuse('computes its input','computed twice, or an input',lambda m:setattr(g(m).operators[0],'outputs',[0]))
refuse('one more output','it cannot have an output 1',lambda m:(setattr(g(m).operators[0],'outputs',[3,4]),g(m).tensors.append(S.TensorT())))
refuse('no graph','has no graph',lambda m:setattr(m,'subgraphs',[]))
refuse('graph without outputs','has no output',lambda m:setattr(g(m),'outputs',[]))
refuse('weights of zero size','',lambda m:setattr(g(m).tensors[1],'shape',[3,0,3,2]))
refuse('negative dimension','negative dimension',lambda m:setattr(g(m).tensors[1],'shape',[3,-3,3,2]))
refuse('huge weights','has 54 bytes',lambda m:setattr(g(m).tensors[1],'shape',[3,3,3,1<<20]))
refuse('weights that wrap','too large',lambda m:setattr(g(m).tensors[1],'shape',[3,1<<30,1<<30,1<<30]))
refuse('zero times huge','',lambda m:setattr(g(m).tensors[1],'shape',[0,2**31-1,2**31-1,2**31-1]))
refuse('huge input','',shape=(1<<20,1<<20,1<<20,2))
refuse('rank 9','more than 8 dimensions',lambda m:setattr(g(m).tensors[0],'shape',[1]*9))
refuse('string input','type string is not supported',lambda m:setattr(g(m).tensors[0],'type',5))
refuse('weights of another type','',lambda m:setattr(g(m).tensors[1],'type',1))
refuse('negative stride','stride -1',lambda m:setattr(g(m).operators[0].builtinOptions,'strideW',-1))
refuse('huge dilation','',lambda m:setattr(g(m).operators[0].builtinOptions,'dilationHFactor',2**31-1))
refuse('padding unknown','padding 5 is unknown',lambda m:setattr(g(m).operators[0].builtinOptions,'padding',5))
refuse('activation unknown','activation 5 is not supported',lambda m:setattr(g(m).operators[0].builtinOptions,'fusedActivationFunction',5))
def sparse(order,blocks,dims):
  def change(m):
    s=S.SparsityParametersT(); s.traversalOrder=order; s.blockMap=blocks; s.dimMetadata=[]
    for f,size,seg,ind in dims:
      d=S.DimensionMetadataT(); d.format=f; d.denseSize=size
      if f:
        d.arraySegmentsType=d.arrayIndicesType=1; d.arraySegments=S.Int32VectorT(); d.arraySegments.values=seg; d.arrayIndices=S.Int32VectorT(); d.arrayIndices.values=ind
      s.dimMetadata.append(d)
    g(m).tensors[1].sparsity=s
  return change
for k,(o,b,d) in enumerate([([0],[],[(0,3,0,0)]),([0,1,2,3],[],[(0,3,0,0),(0,3,0,0),(0,3,0,0),(1,0,[0,1],[0])]),([0,1,2,9],[],[(0,3,0,0)]*4),([0,1,2,3],[],[(1,0,[0,3],[0,1,7]),(0,3,0,0),(0,3,0,0),(0,2,0,0)]),([0,1,2,3],[],[(1,0,[0,9],[0]),(0,3,0,0),(0,3,0,0),(0,2,0,0)]),([0,1,2,3],[],[(0,2**31-1,0,0)]*4),([0,1,2,3],[],[(0,-1,0,0)]*4),([0,1,2,3],[],[(1,0,[0,-5],[0]),(0,3,0,0),(0,3,0,0),(0,2,0,0)]),([0,1,2,3,4],[7],[(0,3,0,0)]*5)]):
  refuse('sparse %d'%k,"sparse constant 'w' is damaged",sparse(o,b,d))
x=F('x',(1,5,5,2)); y=F('y',(1,5,5,3)); w=const('w',np.ones(12,np.float16)); w.shape=[3,1,1,2]; d=T('d','f16',(3,1,1,2)); e=F('e',(3,1,1,2)); w.data=np.array([1,2,3,4],np.float16)
o=dict(padding=0,strideW=1,strideH=1,dilationWFactor=1,dilationHFactor=1,fusedActivationFunction=0)
def sparse_half(m):
  sparse([0,1,2,3],[],[(1,0,[0,2],[0,2]),(0,1,0,0),(0,1,0,0),(0,2,0,0)])(m); s=g(m).tensors[1].sparsity; g(m).tensors[1].sparsity=None
  [t for t in g(m).tensors if t.name==b'w'][0].sparsity=s
xs=np.arange(50).reshape(1,5,5,2).astype(np.float32)
dense=np.array([[1,2],[0,0],[3,4]],np.float32)
put('f32_densify',build([x],[y],[Op('DENSIFY',[w],[d]),Op('DEQUANTIZE',[d],[e]),Op('CONV_2D',[x,e,const('b',np.zeros(3,np.float32))],[y],o)],sparse_half),xs.tobytes()+(xs@dense.T).astype(np.float32).tobytes(),tolerance=2e-5)
a=F('x',(2,)); b=F('y',(2,)); plain=build([a],[b],[Op('RELU',[a],[b])])
root=struct.unpack('<I',plain[:4])[0]
patch=lambda at,f,v:plain[:at]+struct.pack(f,v)+plain[at+struct.calcsize(f):]
put('only the mark',plain[:8],sentence='damaged')
put('root out of range',patch(0,'<I',len(plain)),sentence='a table lies outside of the file')
put('root far out of range',patch(0,'<I',2**32-1),sentence='an offset leads out of the file')
put('root at 0',patch(0,'<I',0),sentence='an offset leads out of the file')
put('field list before the file',patch(root,'<i',root+8),sentence='field list of a table lies outside')
put('field list behind the file',patch(root,'<i',-len(plain)),sentence='field list of a table lies outside')
put('field list of odd length',patch(root-struct.unpack('<i',plain[root:root+4])[0],'<H',7),sentence='length that cannot be')
put('field list of great length',patch(root-struct.unpack('<i',plain[root:root+4])[0],'<H',65534),sentence='length that cannot be')
# One table that is every tensor, every node and every list at once: work must stay in proportion.
def many(m): g(m).tensors=[g(m).tensors[0]]*200; g(m).operators=[g(m).operators[0]]*200
put('many of one',build([a],[b],[Op('RELU',[a],[b])],many),sentence='')
def shared(count):
  # tensors: a list of `count` offsets to one tensor, whose shape is that same list
  head=bytearray(b'\0\0\0\0TFL3'); t=[]
  # layout: vtables first, then model, subgraph, tensor, list
  vt_model=len(head); head+=struct.pack('<HHHHHHH',14,12,0,0,4,0,8); head+=b'\0\0'
  vt_graph=len(head); head+=struct.pack('<HHHHHH',12,16,4,8,12,4)
  vt_tensor=len(head); head+=struct.pack('<HHH',6,8,4); head+=b'\0\0'
  model=len(head); head+=struct.pack('<iII',model-vt_model,0,0)
  graphs=len(head); head+=struct.pack('<II',1,0)
  graph=len(head); head+=struct.pack('<iIII',graph-vt_graph,0,0,0)
  items=len(head); head+=struct.pack('<I',count)+b'\0'*4*count
  tensor=len(head); head+=struct.pack('<iI',tensor-vt_tensor,4); head+=struct.pack('<I',0)
  put_at=lambda at,to:struct.pack_into('<I',head,at,to-at)
  put_at(0,model); put_at(model+4,graphs); put_at(model+8,graphs); put_at(graphs+4,graph)
  for k in (4,8,12): put_at(graph+k,items)
  for i in range(count): put_at(items+4+4*i,tensor)
  return bytes(head)
put('one list for all',shared(3000),sentence='damaged')
for k,change in enumerate([lambda o:o[:-1],lambda o:o[:9],lambda o:b'',lambda o:o[:-3]+b'\xff'+o[-2:],lambda o:bytes(255 for _ in o),lambda o:o[:-2]+b'\x27\x08']):
  b,s=F('b',(1,9,4)),F('s',(1,9,4)); outs=[F('boxes',(1,8,4)),F('classes',(1,8)),F('scores',(1,8)),F('number',(1,))]
  o=bytes(flexbuffers.Dumps(dict(max_detections=8,max_classes_per_detection=1,num_classes=3)))
  put('options of a detector %d'%k,build([b,s],outs,[Op('CUSTOM',[b,s,const('a',boxes(rr,9))],outs,custom='TFLite_Detection_PostProcess',copts=change(o))]),sentence='is missing, or outside of its range')
with open(sys.argv[1] if len(sys.argv) > 1 else "tests/convert/tflite.pack", "wb") as out:
    out.write(b"".join(records))
print(len(records), "models,", sum(map(len, records)), "bytes")
